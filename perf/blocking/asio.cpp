#include "blocking/question.hpp"
#include "competitors/asio_thread_pool.hpp"

namespace {

const bool entered = [] {
  blocking::enter<perf::asio_thread_pool>();
  blocking::enter_meetings<perf::asio_thread_pool>();
  return true;
}();

}  // namespace
