#include <thread>

#include "base/primitives.hpp"

#if defined(__linux__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace fanout::detail {

// A process registers once. The registration stays if the library is a plugin and is unloaded; a second one is
// harmless.
bool has_heavy_fence() noexcept {
#if defined(__linux__)
  static const bool registered = ::syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return registered;
#else
  return false;
#endif
}

bool chunk_primitives::heavy_fence() noexcept {
#if defined(__linux__)
  if (has_heavy_fence()) return ::syscall(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
#endif
  full_fence();
  return true;
}

// Out of line, because g++ warns of a fence in each unit that is compiled for ThreadSanitizer.
void chunk_primitives::full_fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }

void chunk_primitives::yield() noexcept { std::this_thread::yield(); }

int chunk_primitives::core() noexcept { return std_primitives::core(); }

bool chunk_primitives::has_several_cores() noexcept { return std_primitives::has_several_cores(); }

}  // namespace fanout::detail
