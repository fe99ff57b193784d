#include "competitors/dispenso.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::dispenso_parallel_for>();
  work::enter<perf::dispenso_adaptive>();
  work::enter<perf::dispenso_task_set>();
  return true;
}();

}  // namespace
