#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "fanout/detail/chunk.hpp"
#include "base/primitives.hpp"

/// Decides which runner runs which tasks.
///
/// One **cursor** hands out the tasks in input order. A runner takes a **chunk** of them at a time. The size of a
/// chunk follows the time that the runner's last tasks took: the cursor is contended, and for cheap tasks a move of
/// the cursor costs more than the task. A chunk binds no task to its owner. When the cursor is at the end, a runner
/// without work becomes a thief, and takes tasks that another runner has not started (chunk.hpp). So chunks may be
/// large: no task has to wait for the one before it in the same chunk.
///
/// A runner leaves when all tasks have been started.
namespace fanout::detail {

/// The time that a runner's tasks take, and the chunk size that follows from it.
struct runner_pace {
  /// Tells that `taken` tasks have ended by now. Computes the size of the next chunks.
  void measure(std::chrono::steady_clock::time_point now, std::size_t runners, std::size_t largest_chunk);

  /// The same for chunks that are started as wholes, each by one call of the user's function. Such a call may have a
  /// fixed cost, which says nothing of its indices.
  void measure_whole(std::chrono::steady_clock::time_point now);

  std::chrono::steady_clock::time_point since{};  // when the measurement began
  std::size_t taken = 0;                          // tasks that have ended since
  std::size_t wanted = 1;                         // tasks in the next chunk, by the last measurement
  std::size_t least = 1;                          // tasks in a chunk near the end of the batch
  std::size_t tried = 0;                          // tasks in the last whole chunk that was measured; 0 for none yet
  std::chrono::nanoseconds tried_time{0};         // of that chunk
  std::size_t since_trial = 0;                    // whole chunks since one was doubled to see whether it pays
  std::atomic<std::uint32_t> task_time{0};        // nanoseconds; a hint to thieves, which orders nothing
};

/// What the distributor keeps for one runner. Any runner may change the chunk; only the owner uses the pace, except
/// that thieves read `task_time`.
template <class Primitives>
struct basic_runner_work {
  basic_chunk<typename Primitives::of_chunk> mine;
  runner_pace pace;
};

/// Distributes the tasks 0 … size - 1 of a batch to its runners. `Runners` is a range of objects with a member
/// `work`.
template <class Primitives>
class basic_work_distributor {
 public:
  using runner_work = basic_runner_work<Primitives>;

  static constexpr std::size_t max_tasks = std::size_t{1} << 40;

  /// Requires `size <= max_tasks` and at least one runner. `fenced`: see `basic_chunk::may_start`. `whole_chunks`:
  /// each is started as a whole.
  basic_work_distributor(std::size_t size, std::size_t runners, std::size_t largest_chunk, bool fenced,
                         bool whole_chunks = false)
      : size_(size), runners_(runners), largest_chunk_(largest_chunk), fenced_(fenced), whole_chunks_(whole_chunks) {}

  /// Returns the next tasks for runner number `me`, which has run `ended` tasks of its last chunk. Empty if every
  /// task has been started, or the batch was stopped; then it stays empty.
  ///
  /// Costs about 30 ns for the clock, and 100 ns or more to move the cursor's cache line between cores.
  template <class Runners>
  task_range next(std::size_t me, Runners& all, std::size_t ended) {
    runner_work& mine = all[me].work;
    mine.pace.taken += ended;
    const task_range claimed = claim(mine);
    return claimed.empty() && all.size() != 1 ? take_from_others(me, all) : claimed;
  }

  /// Whether every task has been started; once true, it stays true. Tasks that a thief is about to take count as not
  /// started: see take_from_others.
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

  void measure(runner_work& mine) const {
    whole_chunks_ ? mine.pace.measure_whole(Primitives::now())
                  : mine.pace.measure(Primitives::now(), runners_, largest_chunk_);
  }

  task_range claim(runner_work& mine) {
    // Acquire: a runner that sees the cursor at the end also sees that the chunks which moved it there are announced.
    const std::size_t seen = cursor_.load(std::memory_order_acquire);
    if (seen >= size_) return {};
    // Near the end, a chunk is a single task or of the size measured before; another measurement would not change
    // that.
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

  /// Searches the other runners until it can take tasks, or all tasks have been started. A search sees each runner at
  /// a different moment: it misses tasks that another thief moves from a runner not searched yet to one already
  /// searched. So each theft is counted before it happens, and a search that found nothing is repeated if the count
  /// has changed.
  ///
  /// A recall costs microseconds; an owner that makes progress ends a few cheap tasks sooner than that. So the thief
  /// compares the time of the unstarted tasks, by the owner's last measurement, with 10 µs. If they take that long,
  /// it takes half of them at once. If they take less, it takes all of them, but only after 10 µs without other work.
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
        // Measured before the wait that may follow, because that is not time of the last tasks.
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
      mine.pace.since = Primitives::now();  // because the wait is not time of the next tasks either
    }
    return taken;
  }

  const std::size_t size_;
  const std::size_t runners_;
  const std::size_t largest_chunk_;
  const bool fenced_;
  const bool whole_chunks_;
  // All runners write the cursor, so it has a cache line of its own.
  alignas(128) typename Primitives::template atomic<std::size_t> cursor_{0};
  alignas(128) typename Primitives::template atomic<std::size_t> thefts_{0};
};

extern template class basic_work_distributor<std_primitives>;  // compiled once: it is not on the fast path

using runner_work = basic_runner_work<std_primitives>;
using work_distributor = basic_work_distributor<std_primitives>;

}  // namespace fanout::detail
