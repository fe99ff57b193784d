#pragma once

#if defined(__SANITIZE_THREAD__)
#define FANOUT_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FANOUT_THREAD_SANITIZER 1
#endif
#endif

#ifdef FANOUT_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>

#include <cstdint>
#include <utility>
#endif

/// What orders fanout's threads and ThreadSanitizer cannot see.
///
/// The tool learns what happens before what from the code that it instruments. Debian's libtbb is not instrumented: that
/// a task begins after it was spawned, and that a wait ends after its tasks, happens in there. So the few places where
/// fanout hands something to oneTBB or takes it back say so here. Without the tool all of this is nothing: an empty
/// class, and a function that returns its argument.
///
/// Each edge is drawn between the two ends of one hand-over, on an address of its own. One for all tasks of a batch would
/// order more than oneTBB does, a task after another one's spawn, and hide the races that are looked for; that they are
/// still found is what `unit_tests/planted_races` shows.
///
/// Fences need nothing here: see "Fences" in docs/architecture.md.
namespace fanout::detail::tsan {

#ifdef FANOUT_THREAD_SANITIZER

/// What was done before `release` happens before what is done after an `acquire` that comes later.
class edge {
 public:
  void release() noexcept { __tsan_release(&address_); }
  void acquire() noexcept { __tsan_acquire(&address_); }

 private:
  char address_ = 0;
};

/// A function for oneTBB to run: on this thread or another, in place or as a copy that it makes on this thread.
///
/// The edges lie on the address of the function object, because its captures are read by the very call that has to be
/// ordered after their writing. oneTBB gives
///   1. *written → called*: a spawned task is published by a release in the task pool of its slot, and acquired by
///      whoever takes it from there or steals it (`arena_slot::spawn`, `steal_task`); what is handed to a full arena goes
///      through a queue with a mutex (`arena::enqueue_task`).
///   2. *called → written again*: the memory of a task that has run comes back to its allocator by a compare-and-swap, is
///      taken from there by an exchange, and becomes the next task (`small_object_pool`).
///   3. *called → returned*: `task_arena::execute` of what another thread ran returns when that one has released its
///      `wait_context`.
///
/// A task of another type, at an offset of its own, may have been in the same memory. So there is an edge on each of its
/// words.
template <class Function>
class handed_over {
 public:
  explicit handed_over(Function function) : function_(std::move(function)) { release(); }
  handed_over(handed_over&& other) noexcept : function_(ordered_here(other.function_)) { release(); }
  handed_over& operator=(handed_over&&) = delete;
  ~handed_over() { acquire(); }

  void operator()() const {
    acquire();
    const at_end ended{*this};  // however it ends
    function_();
  }

 private:
  struct at_end {
    const handed_over& what;
    ~at_end() { what.release(); }
  };

  /// The function to move here, once this memory may be written: before anything of this object is.
  Function&& ordered_here(Function& from) noexcept {
    acquire();
    return std::move(from);
  }

  template <void (*OfWord)(void*)>
  void for_each_word() const noexcept {
    constexpr std::uintptr_t word = sizeof(void*);
    const auto begin = reinterpret_cast<std::uintptr_t>(this);
    for (std::uintptr_t at = begin / word * word; at < begin + sizeof(*this); at += word)
      OfWord(reinterpret_cast<void*>(at));  // NOLINT(performance-no-int-to-ptr)
  }
  void release() const noexcept { for_each_word<&__tsan_release>(); }
  void acquire() const noexcept { for_each_word<&__tsan_acquire>(); }

  Function function_;
};

#else

class edge {
 public:
  void release() noexcept {}
  void acquire() noexcept {}
};

template <class Function>
Function&& handed_over(Function&& function) noexcept {
  return static_cast<Function&&>(function);
}

#endif

}  // namespace fanout::detail::tsan
