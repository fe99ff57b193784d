#include "competitors/bs_thread_pool.hpp"
#include "overhead/question.hpp"

namespace {

const bool entered = [] {
  overhead::enter<perf::bs_thread_pool_loop>();
  overhead::enter<perf::bs_thread_pool_task>();
  return true;
}();

}  // namespace
