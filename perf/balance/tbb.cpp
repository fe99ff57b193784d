#include "competitors/tbb.hpp"
#include "balance/question.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::tbb_parallel_for>();
  balance::enter<perf::tbb_task_group>();
  return true;
}();

}  // namespace
