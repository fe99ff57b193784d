#pragma once

// Defined by ThreadSanitizer's runtime.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" {
[[gnu::weak]] void __tsan_acquire(void* address);
[[gnu::weak]] void __tsan_release(void* address);
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

/// The ThreadSanitizer of the program, if it has one, while this library is not compiled for it.
///
/// The tool does not see the atomics of such a library, or of libtbb. But it sees what both do through functions that
/// it intercepts: they allocate and free memory, and use mutexes and condition variables. Where an atomic orders two
/// of those, the library says so by these functions. Without the tool each costs the test of a pointer.
namespace fanout::detail::program_tsan {

inline bool exists() noexcept { return __tsan_release != nullptr; }

/// What this thread did before happens before what another does after a later `acquire` of the same address.
inline void release(void* address) noexcept {
  if (__tsan_release != nullptr) __tsan_release(address);
}
inline void acquire(void* address) noexcept {
  if (__tsan_acquire != nullptr) __tsan_acquire(address);
}

}  // namespace fanout::detail::program_tsan
