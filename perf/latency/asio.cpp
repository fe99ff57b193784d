#include "competitors/asio_thread_pool.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::asio_thread_pool>();
  latency::enter_named<perf::asio_thread_pool>();
  latency::enter_making<perf::asio_thread_pool>();
  return true;
}();

}  // namespace
