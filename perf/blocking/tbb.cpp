#include "competitors/tbb.hpp"
#include "blocking/question.hpp"

namespace {

const bool entered = [] {
  blocking::enter<perf::tbb_parallel_for>();
  blocking::enter<perf::tbb_task_group>();
  blocking::enter_meetings<perf::tbb_parallel_for>();
  blocking::enter_meetings<perf::tbb_task_group>();
  return true;
}();

}  // namespace
