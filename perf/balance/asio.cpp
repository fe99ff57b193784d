#include "balance/question.hpp"
#include "competitors/asio_thread_pool.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::asio_thread_pool>();
  return true;
}();

}  // namespace
