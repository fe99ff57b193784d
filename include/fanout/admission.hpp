#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "fanout/detail/export.hpp"

/// @file
/// Who may start: what `run_options::admit` is made of. "At most N at once" is the wrong unit where tasks need
/// unequal amounts of memory, or where a service allows so many calls a second. An admission is asked before a task
/// starts, in the order in which tasks start. A task that must wait holds no thread and no place of an executor, and
/// its batch starts nothing before it.
namespace fanout {

namespace detail {
class admission_rule;
class budget_state;
class rate_state;
class rule_of_user;
}  // namespace detail

/// The answer of a rule of your own: see `admission`.
class FANOUT_EXPORT admission_answer {
 public:
  /// The task starts.
  static admission_answer yes();

  /// The task waits. It is asked for again when a task of its batch has ended, and after this time at the latest. A
  /// time of less than a millisecond is one of a millisecond.
  static admission_answer not_yet(std::chrono::nanoseconds ask_again_after);

  /// The task fails with a `task_refused` whose text ends with `why`. It does not run, and is not tried again.
  static admission_answer never(std::string why);

 private:
  friend class detail::rule_of_user;
  enum class kind { yes, not_yet, never };
  explicit admission_answer(kind what) : what_(what) {}

  kind what_;
  std::chrono::nanoseconds again_{0};
  std::string why_{};
};

/// Decides when a task may start. Made from a rule of your own, by `resource_budget::by`, from a `rate_limit`, or by
/// `free_memory_above`. Copies are the same admission. Several batches may use it at the same time.
class FANOUT_EXPORT admission {
 public:
  /// A rule of your own. It is called with the index of a task that would start now, by one thread of the batch at a
  /// time, and by several threads at once if several batches use it. Asked for the same task until it says yes, and
  /// anew for each further attempt. It may be asked again after a yes, where the task then has to wait for another
  /// admission, or for a place of its executor. Do not block in it. What it throws ends the batch, and reaches the
  /// caller. Throws `std::invalid_argument` if the function is empty.
  explicit admission(std::function<admission_answer(std::size_t index)> ask);

  /// For the library.
  explicit admission(std::shared_ptr<detail::admission_rule> rule) noexcept;
  /// For the library.
  const std::shared_ptr<detail::admission_rule>& rule() const noexcept { return rule_; }

 private:
  std::shared_ptr<detail::admission_rule> rule_;
};

/// An amount of something that tasks share: bytes of memory, licences, connections. The tasks that run never hold
/// more than its capacity together, over all batches that use it.
///
///     fanout::resource_budget memory(4'000'000'000);
///     const auto cost = [&](std::size_t i) { return bytes_of(images[i]); };
///     fanout::map_in_parallel(images, filter, {.admit = {memory.by(cost)}});
///
/// First come, first served: a batch whose next task must wait is in a line, and no other takes what is free before
/// it, so a task that needs all of the budget gets its turn. Two exceptions: a batch whose task could start now but
/// waits for a place of its executor lets the others pass until it has one, because these may hold the place. And a
/// batch inside of a task that holds some of the budget passes those that need what this task holds.
///
/// A batch can use a budget once: where two costs count, add them up. Copies share the amount. Batches that use it
/// keep it alive.
class FANOUT_EXPORT resource_budget {
 public:
  /// Throws `std::invalid_argument` for 0.
  explicit resource_budget(std::uint64_t capacity);

  /// What may be held at once.
  std::uint64_t capacity() const noexcept;

  /// What tasks hold now.
  std::uint64_t in_use() const noexcept;

  /// How many batches wait for some of it now.
  std::size_t waiting() const noexcept;

  /// Lets a task start when its cost is free, and holds that until the task has ended (each attempt, if it is tried
  /// again). A cost of 0 never waits. `cost` is called once for each index of a batch, in their order, before any of
  /// its tasks starts; what it throws reaches the caller of the batch. A cost above the capacity is refused then: the
  /// call throws `std::invalid_argument`, which names the index. So does the call if the batch uses the budget twice.
  ///
  /// A task that holds some of the budget and runs a batch that needs more of it waits for others to give back. Where
  /// that wait would never end, however soon the others do, the inner call throws `std::logic_error`. Tasks that wait
  /// for each other with two budgets, or one budget and something else, are not noticed.
  ///
  /// Throws `std::invalid_argument` if the function is empty.
  admission by(std::function<std::uint64_t(std::size_t index)> cost) const;

 private:
  std::shared_ptr<detail::budget_state> state_;
};

/// At most so many starts in any window of a length of time, over all batches that use it:
///
///     const fanout::rate_limit hundred_a_second(100, std::chrono::seconds(1));
///     fanout::map_in_parallel(urls, fetch, {.concurrency = 16, .admit = {hundred_a_second}});
///
/// Each attempt is a start. Its time is taken on the thread of the task, right before the task is called. (The system
/// may suspend the thread in between.) First come, first served, as with a `resource_budget`. A batch can use a limit
/// once. Copies share the limit. Batches that use it keep it alive. It needs 8 bytes for each of the starts, for
/// their times.
class FANOUT_EXPORT rate_limit {
 public:
  /// Throws `std::invalid_argument` for 0 starts, or a time that is not more than 0; and `std::bad_alloc` if there is
  /// no memory for the times of so many starts.
  rate_limit(std::size_t starts, std::chrono::nanoseconds per);

  /// Lets a task start when fewer than `starts` tasks have started in the last `per`.
  operator admission() const;  // NOLINT(google-explicit-constructor): it is used as one

 private:
  std::shared_ptr<detail::rate_state> state_;
};

/// Lets a task start while more than so many bytes of memory are available (see `available_memory`), and in any case
/// if no other task of its batch runs. When memory is low, tasks that run go on, and no new ones start. It is looked
/// at again every 10 ms. Not a guarantee: what a task has not used yet counts as available.
FANOUT_EXPORT admission free_memory_above(std::uint64_t bytes);

/// How many bytes this process could use before the system would have to swap or to end a process: the least of what
/// each control group around the process leaves below its limit, where the kernel's file cache counts as available,
/// and of what the machine has available. The largest number if neither can be read.
FANOUT_EXPORT std::uint64_t available_memory();

}  // namespace fanout
