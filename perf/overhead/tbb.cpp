#include "competitors/tbb.hpp"
#include "overhead/question.hpp"

namespace {

const bool entered = [] {
  overhead::enter<perf::tbb_parallel_for>();
  overhead::enter<perf::tbb_parallel_for_vector>();
  overhead::enter<perf::tbb_task_group>();
  overhead::enter_functions<perf::tbb_parallel_for>();
  return true;
}();

}  // namespace
