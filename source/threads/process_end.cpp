#include "threads/process_end.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "base/program_tsan.hpp"
#include "threads/arena.hpp"

#ifdef __GLIBC__
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" {
extern void* __dso_handle;
int __cxa_atexit(void (*function)(void*), void* argument, void* dso_handle) noexcept;
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
#endif

namespace fanout::detail {
namespace {

std::atomic<bool> ends{false};

// Written by the thread that calls `exit`, before the library is finalised by the same thread.
bool exits = false;
int exit_status = 0;

/// Runs among the functions of `atexit`, before any library is finalised. If this library is unloaded instead, it
/// runs after `end_before_one_tbb`, which is the order in which glibc finalises a library.
[[maybe_unused]] void note(void*, int status) noexcept {
  exits = true;
  exit_status = status;
}

/// Runs when this library, or the program that contains it, is finalised. Libraries that it needs come later, so
/// oneTBB is still there. `fcloseall` flushes as `exit` does, without waiting for streams that other threads use.
[[gnu::destructor]] void end_before_one_tbb() {
  ends.store(true, std::memory_order_relaxed);  // relaxed: a thread that does not see it yet is merely not spared
  if (!exits || !arena::may_be_worker()) return;
  ::fcloseall();
  ::_exit(exit_status);
}

}  // namespace

bool one_tbb_ends() noexcept { return ends.load(std::memory_order_relaxed); }

// glibc passes the status to functions of `__cxa_atexit`, as to those of `on_exit`. Unlike these, they are forgotten
// when the library to which they belong is unloaded. ThreadSanitizer calls them without a status.
void expect_exit_on_worker() noexcept {
#ifdef __GLIBC__
  if (program_tsan::exists()) {
    ::on_exit([](int status, void* nothing) { note(nothing, status); }, nullptr);
    return;
  }
  __cxa_atexit(reinterpret_cast<void (*)(void*)>(reinterpret_cast<void (*)()>(&note)), nullptr, &__dso_handle);
#endif
}

}  // namespace fanout::detail
