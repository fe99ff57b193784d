#include "competitors/asio_thread_pool.hpp"
#include "overhead/question.hpp"

namespace {

const bool entered = [] {
  overhead::enter<perf::asio_thread_pool>();
  return true;
}();

}  // namespace
