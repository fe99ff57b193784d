#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "fanout/detail/chunk.hpp"
#include "base/primitives.hpp"

/// Which runner runs which tasks, and when.
///
/// One **cursor** hands out the tasks in input order. A runner takes a **chunk** of them at a time. Its size follows the
/// time that the runner's last tasks took, and it never binds a task to a runner: when the cursor is at the end, a runner
/// that has nothing to do takes what another one has not started out of that one's chunk (chunk.hpp). So a chunk may be
/// large without any task waiting behind another one, and it may be small because a cursor that is asked too often costs
/// more than the tasks.
///
/// A runner leaves when no task is left that nobody has started.
namespace fanout::detail {

/// How fast a runner gets on, and how much it takes at a time.
struct runner_pace {
  /// `taken` tasks have ended by now. Computes how much to take from now on.
  void measure(std::chrono::steady_clock::time_point now, std::size_t runners, std::size_t largest_chunk);

  std::chrono::steady_clock::time_point since{};  // of the tasks that are being measured
  std::size_t taken = 0;                          // how many they are so far
  std::size_t wanted = 1;                         // tasks in the next chunk, by the last measurement, …
  std::size_t least = 1;                          // … and in one near the end of the batch
  std::atomic<std::uint32_t> task_time{0};        // nanoseconds; a hint to thieves, which orders nothing
};

/// What the distributor knows of one runner. The chunk may be changed by all; the pace is the owner's.
template <class Primitives>
struct basic_runner_work {
  basic_chunk<typename Primitives::of_chunk> mine;
  runner_pace pace;
};

/// The tasks 0 … size of a batch, shared by some runners. `Runners` is a range of objects with a member `work`.
template <class Primitives>
class basic_work_distributor {
 public:
  using runner_work = basic_runner_work<Primitives>;

  static constexpr std::size_t max_tasks = std::size_t{1} << 40;

  /// Requires `size <= max_tasks` and at least one runner. `fenced`: see `basic_chunk::may_start`.
  basic_work_distributor(std::size_t size, std::size_t runners, std::size_t largest_chunk, bool fenced)
      : size_(size), runners_(runners), largest_chunk_(largest_chunk), fenced_(fenced) {}

  /// The next tasks for runner number `me`, which has run `ended` tasks of its last chunk. Empty when every task has
  /// been started, for good, or when the batch was stopped.
  ///
  /// Costs some 30 ns for the clock, and the way of the cursor's line between the cores, 100 ns or more.
  template <class Runners>
  task_range next(std::size_t me, Runners& all, std::size_t ended) {
    runner_work& mine = all[me].work;
    mine.pace.taken += ended;
    const task_range claimed = claim(mine);
    return claimed.empty() ? take_from_others(me, all) : claimed;
  }

  /// Whether no task is left that nobody has started, for good. Tasks that a thief is about to take count as left: see
  /// take_from_others.
  template <class Runners>
  bool all_taken(const Runners& all) const {
    if (cursor_.load(std::memory_order_acquire) < size_) return false;
    const std::size_t thefts = thefts_.load(std::memory_order_acquire);
    const auto has_nothing = [](const auto& runner) { return runner.work.mine.look().state == kind::empty; };
    return std::all_of(all.begin(), all.end(), has_nothing) && thefts_.load(std::memory_order_acquire) == thefts;
  }

 private:
  using chunk = basic_chunk<typename Primitives::of_chunk>;
  using kind = typename chunk::view::kind;
  using time_point = std::chrono::steady_clock::time_point;

  void measure(runner_work& mine) const { mine.pace.measure(Primitives::now(), runners_, largest_chunk_); }

  task_range claim(runner_work& mine) {
    // Acquire: who sees the cursor at the end sees the announcement of every claim that brought it there.
    const std::size_t seen = cursor_.load(std::memory_order_acquire);
    if (seen >= size_) return {};
    // The last chunks are single tasks or what was measured before: no measurement would change them.
    if (mine.pace.taken != 0 && size_ - seen > runners_) measure(mine);
    const std::size_t share = (size_ - seen) / (2 * runners_);
    const std::size_t wanted = std::clamp(share, mine.pace.least, mine.pace.wanted);
    mine.mine.announce(fenced_);
    const std::size_t first = cursor_.fetch_add(wanted, std::memory_order_acq_rel);
    if (first >= size_) {
      mine.mine.clear();
      return {};
    }
    const task_range claimed{first, std::min(first + wanted, size_)};
    mine.mine.open(claimed);
    return claimed;
  }

  /// Looks around until something can be taken or nothing will ever be. One look sees each runner at another moment:
  /// tasks that a thief takes from one not looked at yet to one already looked at are in neither. So each theft is
  /// counted before it is done, and a thief that saw nothing looks again if there was one meanwhile.
  ///
  /// A recall costs microseconds, and an owner that gets on ends a few cheap tasks sooner. Half of what takes 10 µs and
  /// more, by the owner's last measurement, is taken at once; all of what takes less when there was nothing else for as long.
  template <class Runners>
  task_range take_from_others(std::size_t me, Runners& all) {
    runner_work& mine = all[me].work;
    time_point since{};
    for (bool look_again = true; look_again;) {
      look_again = false;
      const std::size_t thefts = thefts_.load(std::memory_order_acquire);
      for (std::size_t i = 1; i < all.size(); ++i) {
        runner_work& other = all[(me + i) % all.size()].work;
        const auto seen = other.mine.look();
        if (seen.state == kind::empty) continue;
        look_again = true;
        // Now: the wait that may follow is not the time of the last tasks.
        if (mine.pace.taken != 0) measure(mine);
        if (seen.state == kind::coming) continue;
        const std::uint64_t time = std::uint64_t{seen.unstarted} * other.pace.task_time.load(std::memory_order_relaxed);
        const bool is_much = Primitives::patience.count() != 0 && time >= static_cast<std::uint64_t>(Primitives::patience.count());
        const time_point now = Primitives::now();
        if (since == time_point{}) since = now;
        if (!is_much && now - since < Primitives::patience) continue;
        const task_range taken = take(mine, other, /*all=*/!is_much);
        if (!taken.empty()) return taken;
      }
      if (thefts_.load(std::memory_order_acquire) != thefts) look_again = true;
      if (!look_again || mine.mine.stopped()) return {};
      Primitives::yield();
    }
    return {};
  }

  task_range take(runner_work& mine, runner_work& other, bool all) {
    mine.mine.announce(fenced_);
    thefts_.fetch_add(1, std::memory_order_acq_rel);
    const task_range taken = other.mine.recall(all);
    if (taken.empty()) {
      mine.mine.clear();
    } else {
      mine.mine.open(taken);
      mine.pace.since = Primitives::now();  // nor is the wait the time of the next tasks
    }
    return taken;
  }

  const std::size_t size_;
  const std::size_t runners_;
  const std::size_t largest_chunk_;
  const bool fenced_;
  alignas(128)
      typename Primitives::template atomic<std::size_t> cursor_{0};  // all runners write it: a line of its own
  alignas(128) typename Primitives::template atomic<std::size_t> thefts_{0};
};

extern template class basic_work_distributor<std_primitives>;  // off the fast way, so compiled once

using runner_work = basic_runner_work<std_primitives>;
using work_distributor = basic_work_distributor<std_primitives>;

}  // namespace fanout::detail
