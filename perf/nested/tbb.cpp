#include "competitors/tbb.hpp"
#include "nested/question.hpp"

namespace {

const bool entered = [] {
  nested::enter<perf::tbb_parallel_for>();
  nested::enter<perf::tbb_task_group>();
  return true;
}();

}  // namespace
