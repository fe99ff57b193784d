#include "engine/work_distributor.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "threads/floating_point.hpp"

namespace fanout::detail {
namespace {

using nanoseconds = std::chrono::duration<double, std::nano>;

constexpr nanoseconds cheap_task{1'000};       // below this, taking a chunk may cost more than its tasks
constexpr nanoseconds long_task{100'000};      // from here on a chunk is one task, so tasks start in input order
constexpr nanoseconds chunk_of_cheap{16'000};  // times the number of runners, because all contend for the cursor
constexpr nanoseconds chunk_of_others{200'000};
constexpr nanoseconds enough_for_whole{100'000};  // a whole chunk that takes less is doubled
constexpr std::size_t chunks_between_trials = 8;  // the time of one chunk may be that of another process, too

std::size_t tasks_in(nanoseconds time, nanoseconds per_task, std::size_t most) {
  const double tasks = time / per_task;
  return tasks < static_cast<double>(most) ? std::max<std::size_t>(1, static_cast<std::size_t>(tasks)) : most;
}

std::uint32_t as_hint(nanoseconds per_task) {
  constexpr double most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(std::ceil(per_task.count()), most));
}

}  // namespace

// The time between two readings of the clock is taken as the time of the tasks run in between. It includes the cost
// of taking chunks, which makes a task look slower by a few nanoseconds at most. The first reading only starts the
// clock.
void runner_pace::measure(std::chrono::steady_clock::time_point now, std::size_t runners, std::size_t largest_chunk) {
  const without_float_traps here;
  if (since != std::chrono::steady_clock::time_point{}) {
    const nanoseconds per_task = std::max(nanoseconds(now - since) / static_cast<double>(taken), nanoseconds(0.01));
    if (per_task >= long_task) {
      wanted = 1;
    } else if (per_task >= cheap_task) {
      wanted = tasks_in(chunk_of_others, per_task, largest_chunk);
    } else {
      wanted = tasks_in(chunk_of_cheap * static_cast<double>(runners), per_task, largest_chunk);
    }
    least = tasks_in(cheap_task, per_task, wanted);
    task_time.store(as_hint(per_task), std::memory_order_relaxed);
  }
  since = now;
  taken = 0;
}

// If the fixed cost of a call were taken for the cost of its tasks, chunks would shrink to one task each, and every
// task would pay it. So chunks are doubled while they take little, and further while that makes each task clearly
// cheaper, which is what a fixed cost looks like. Now and then a chunk is doubled to see whether it pays. Chunks get
// smaller only where that did not, and where tasks have become more expensive.
void runner_pace::measure_whole(std::chrono::steady_clock::time_point now) {
  const without_float_traps here;
  const bool was_cut_short = taken < wanted;  // near the end, or by a thief
  if (since != std::chrono::steady_clock::time_point{} && !was_cut_short) {
    const nanoseconds time = now - since;
    const nanoseconds per_task = std::max(time / static_cast<double>(taken), nanoseconds(0.01));
    const double ratio = tried == 0 ? 1 : time / std::max(nanoseconds(tried_time), nanoseconds(1));
    const bool pays =
        tried == 0 || (taken > tried && ratio < 0.75 * static_cast<double>(taken) / static_cast<double>(tried));
    if (taken <= tried && ratio > 2 && time > 4 * enough_for_whole) {  // tasks have become more expensive
      wanted = std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(taken) / ratio));
      tried = 0;
    } else {
      const std::size_t before = std::exchange(tried, taken);
      tried_time = now - since;
      if (time < enough_for_whole || pays || before == 0 || ++since_trial == chunks_between_trials) {
        wanted = 2 * taken;
        since_trial = 0;
      } else {
        wanted = before < taken ? before : taken;
      }
    }
    least = std::max<std::size_t>(1, wanted / 8);
    task_time.store(as_hint(per_task), std::memory_order_relaxed);
  }
  since = now;
  taken = 0;
}

template class basic_work_distributor<std_primitives>;

}  // namespace fanout::detail
