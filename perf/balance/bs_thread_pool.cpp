#include "competitors/bs_thread_pool.hpp"
#include "balance/question.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::bs_thread_pool_loop>();
  balance::enter<perf::bs_thread_pool_task>();
  return true;
}();

}  // namespace
