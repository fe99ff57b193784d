#include "executor/executor_cache.hpp"
#include "fanout/threads.hpp"
#include "threads/reserves.hpp"

namespace fanout {

void release_idle() noexcept {
  detail::executor_cache::clear();
  detail::reserves::release_idle();
}

}  // namespace fanout
