#include "competitors/asio_thread_pool.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::asio_thread_pool>();
  return true;
}();

}  // namespace
