#include "competitors/tbb.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::tbb_parallel_for>();
  work::enter<perf::tbb_task_group>();
  return true;
}();

}  // namespace
