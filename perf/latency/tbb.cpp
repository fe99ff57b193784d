#include "competitors/tbb.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::tbb_parallel_for>();
  latency::enter<perf::tbb_task_group>();
  latency::enter_cold<perf::tbb_parallel_for>();
  latency::enter_cold<perf::tbb_task_group>();
  latency::enter_named<perf::tbb_parallel_for>();
  latency::enter_named<perf::tbb_task_group>();
  latency::enter_making<perf::tbb_parallel_for>();
  return true;
}();

}  // namespace
