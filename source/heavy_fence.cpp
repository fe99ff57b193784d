#include <thread>

#include "primitives.hpp"

#if defined(__linux__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace fanout::detail {

#if defined(__linux__)

// A process registers once; the registration outlives the library, where that is a plugin, and a second one is harmless.
bool has_heavy_fence() noexcept {
  static const bool registered = ::syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return registered;
}

bool chunk_primitives::heavy_fence() noexcept {
  if (has_heavy_fence()) return ::syscall(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
  full_fence();
  return true;
}

#else

bool has_heavy_fence() noexcept { return false; }
bool chunk_primitives::heavy_fence() noexcept {
  full_fence();
  return true;
}

#endif

// Out of line, because g++ warns of a fence in each unit that is compiled for ThreadSanitizer.
void chunk_primitives::full_fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }

void chunk_primitives::yield() noexcept { std::this_thread::yield(); }

}  // namespace fanout::detail
