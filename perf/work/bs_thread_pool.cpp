#include "competitors/bs_thread_pool.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::bs_thread_pool_loop>();
  work::enter<perf::bs_thread_pool_task>();
  return true;
}();

}  // namespace
