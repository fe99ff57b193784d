#pragma once

#include "base/program_tsan.hpp"
#include "fanout/detail/tsan.hpp"

#ifdef FANOUT_THREAD_SANITIZER
#include <cstdint>
#include <utility>
#endif

/// Annotations for ThreadSanitizer: the synchronisation inside oneTBB, which it cannot see.
///
/// ThreadSanitizer derives the happens-before order from the code that it instruments. Debian's libtbb is not
/// instrumented, so the tool does not know that a task begins after its spawn, or that a wait ends after the tasks.
/// The few places where fanout hands something to oneTBB, or takes it back, annotate that with the classes here.
/// Without the tool these do nothing.
///
/// Each edge connects the two ends of one hand-over, on an address of its own. One address for all tasks of a batch
/// would order more than oneTBB does (a task after the spawn of another one), and so hide real races.
/// `unit_tests/planted_races` shows that races are still found.
///
/// fanout's fences need no annotation: see "Fences" in docs/architecture.md.
namespace fanout::detail::tsan {

/// What a thread did before `release` happens before what another does after a later `acquire`. Works also if only
/// the program is compiled for the tool.
class edge {
 public:
  void release() noexcept { program_tsan::release(&address_); }
  void acquire() noexcept { program_tsan::acquire(&address_); }

 private:
  char address_ = 0;
};

#ifdef FANOUT_THREAD_SANITIZER

/// A function for oneTBB to run: on this thread or another, in place or as a copy that oneTBB makes on this thread.
///
/// The edges use the address of the function object, because the call itself reads the captures, and must be ordered
/// after they were written. oneTBB guarantees these orders:
///   1. *written → called*: a spawned task is published by a release in the task pool of its slot. The thread that
///      takes or steals the task does an acquire (`arena_slot::spawn`, `steal_task`). A task for a full arena goes
///      through a queue with a mutex (`arena::enqueue_task`).
///   2. *called → written again*: the memory of a task that has run returns to its allocator by a compare-and-swap.
///      It is taken from there by an exchange, and becomes the next task (`small_object_pool`).
///   3. *called → returned*: if another thread runs the function of `task_arena::execute`, the call returns after
///      that thread has released the `wait_context`.
///
/// Earlier the same memory may have held a task of another type, whose function was at another offset. So there is an
/// edge on each word of this object.
template <class Function>
class handed_over {
 public:
  explicit handed_over(Function function) : function_(std::move(function)) { release(); }
  handed_over(handed_over&& other) noexcept : function_(ordered_here(other.function_)) { release(); }
  handed_over& operator=(handed_over&&) = delete;
  ~handed_over() { acquire(); }

  void operator()() const {
    acquire();
    const at_end ended{*this};  // also after an exception
    function_();
  }

 private:
  struct at_end {
    const handed_over& what;
    ~at_end() { what.release(); }
  };

  /// Returns `from`, to be moved into this object. Acquires first: before anything is written to this memory.
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

template <class Function>
Function&& handed_over(Function&& function) noexcept {
  return static_cast<Function&&>(function);
}

#endif

}  // namespace fanout::detail::tsan
