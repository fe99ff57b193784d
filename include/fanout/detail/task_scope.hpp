#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "fanout/batch_progress.hpp"
#include "fanout/detail/accept.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/call.hpp"
#include "fanout/detail/export.hpp"
#include "fanout/detail/tsan.hpp"
#include "fanout/run_options.hpp"

/// How a task of a scope is kept from when it is added until it has run.
namespace fanout::detail {

struct closure;

/// What the engine knows about the type of a task.
struct closure_kind {
  /// Runs the task, destroys it, and frees the closure if it is not a copy.
  void (*run)(closure& self, const started_task& started) noexcept;
  /// The same for a task that does not run.
  void (*drop)(closure& self) noexcept;
  /// The size of a task that the engine copies into a closure of its own. 0: the closure was made with the task.
  std::size_t copied;
};

/// One task of a scope. The task itself follows.
struct closure {
  explicit closure(const closure_kind& type) : kind(&type) {}
  closure() = default;
  closure(const closure&) = delete;
  closure& operator=(const closure&) = delete;

  void* task() noexcept { return this + 1; }
  void set_index(std::uint64_t to) noexcept { index = to & (~std::uint64_t{0} >> 8); }

  closure* next = nullptr;
  const closure_kind* kind = nullptr;
  std::uint64_t index : 56 = 0;
  std::uint64_t place : 8 = 0;  // of a copied task, in its block of memory
};

/// The largest task that the engine copies: what a closure of 64 bytes has room for.
inline constexpr std::size_t largest_copied_task = 64 - sizeof(closure);

/// Small tasks whose copy is that of their bytes need no allocation: the engine has closures for them, which it uses
/// again. Not for ThreadSanitizer, which is told the order of a task by the address of its closure.
template <class F>
inline constexpr bool is_copied_by_engine = !tsan::enabled && std::is_trivially_copyable_v<F> &&
    sizeof(F) <= largest_copied_task && alignof(F) <= alignof(closure);

/// Calls the task as an item of an rvalue range is called.
template <class F>
void run_scope_task(F& task, const started_task& started) noexcept {
  try {
    static_cast<void>(detail::call_task(started, std::move(task)));
  } catch (...) {
    fail_task(started.batch, started.index);
  }
}

template <class F>
struct copied_closure {
  static F& task_of(closure& self) noexcept { return *std::launder(static_cast<F*>(self.task())); }
  static void run(closure& self, const started_task& started) noexcept { run_scope_task(task_of(self), started); }
  static void drop(closure&) noexcept {}  // a type that is copied by its bytes needs no destructor
  static constexpr closure_kind kind{&run, &drop, sizeof(F)};
};

template <class F>
struct made_closure final : closure {
  template <class Source>
  made_closure(Source&& source, const void* scope)
      : closure(kind_of_this), order(scope), stored(std::forward<Source>(source)) {
    tsan::release(this);
  }
  made_closure(const made_closure&) = delete;
  made_closure& operator=(const made_closure&) = delete;

  static void run(closure& self, const started_task& started) noexcept {
    tsan::acquire(&self);
    auto mine = std::unique_ptr<made_closure>(static_cast<made_closure*>(&self));
    const tsan::order_of_batch scope(mine->order);
    run_scope_task(mine->stored, started);
    mine.reset();
    scope.tasks_end();
  }
  static void drop(closure& self) noexcept {
    tsan::acquire(&self);
    delete static_cast<made_closure*>(&self);
  }
  static constexpr closure_kind kind_of_this{&run, &drop, 0};

  const void* const order;  // the address that stands for the scope in the order of its tasks
  F stored;
};

template <class F>
inline constexpr bool is_scope_task = task_item<std::decay_t<F>>;

/// What a scope accepts.
template <class F>
concept scope_task =
    function_can_be_kept<F> &&  // a task must be copyable, or an rvalue that can be moved; its destructor is noexcept
    is_scope_task<F>;           // a task must be callable as T() or T(const task_context&)

class task_scope_core;

struct task_scope_deleter {
  FANOUT_EXPORT void operator()(task_scope_core* core) const noexcept;
};
using task_scope_engine = std::unique_ptr<task_scope_core, task_scope_deleter>;

/// `stops` may be null.
FANOUT_EXPORT task_scope_engine make_task_scope(executor_core* on, run_options&& options,
                                                const stop_functions* stops);

/// Stops the scope and waits until its tasks have ended, and a `join` in progress, unless it was joined. They may use
/// it until then.
FANOUT_EXPORT void drop_task_scope(task_scope_core& core) noexcept;

/// What becomes of a task when there is no room for it.
enum class if_full { wait, refuse };

/// Copies a task of this kind into a closure. False if it was refused. Throws `std::bad_alloc` or `std::logic_error`.
FANOUT_EXPORT bool add_copy(task_scope_core& core, const closure_kind& kind, const void* task, if_full then);

/// Adds a closure that was made with its task; it belongs to the scope if this returns true.
FANOUT_EXPORT bool add_made(task_scope_core& core, closure& made, if_full then);

/// Throws `std::invalid_argument` for a task that is an empty function.
[[noreturn]] FANOUT_EXPORT void throw_empty_scope_task();

template <class F>
bool add_to_scope(task_scope_core& core, const void* order, F&& task, if_full then) {
  using stored = std::decay_t<F>;
  constexpr bool is_function = std::is_function_v<std::remove_reference_t<F>>;  // never null
  if constexpr (nullable_callable<stored> && !is_function) {
    if (!static_cast<bool>(task)) throw_empty_scope_task();
  }
  if constexpr (is_copied_by_engine<stored>) {
    const stored& copied = task;
    return add_copy(core, copied_closure<stored>::kind, std::addressof(copied), then);
  } else {
    auto made = std::make_unique<made_closure<stored>>(std::forward<F>(task), order);
    if (!add_made(core, *made, then)) return false;
    static_cast<void>(made.release());
    return true;
  }
}

}  // namespace fanout::detail
