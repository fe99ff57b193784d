#include "competitors/bs_thread_pool.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::bs_thread_pool_loop>();
  latency::enter<perf::bs_thread_pool_task>();
  return true;
}();

}  // namespace
