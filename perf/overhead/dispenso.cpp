#include "competitors/dispenso.hpp"
#include "overhead/question.hpp"

namespace {

const bool entered = [] {
  overhead::enter<perf::dispenso_parallel_for>();
  overhead::enter<perf::dispenso_adaptive>();
  overhead::enter<perf::dispenso_task_set>();
  return true;
}();

}  // namespace
