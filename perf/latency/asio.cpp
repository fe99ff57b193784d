#include "competitors/asio_thread_pool.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::asio_thread_pool>();
  return true;
}();

}  // namespace
