#include "engine/work_distributor.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>

namespace fanout::detail {
namespace {

using nanoseconds = std::chrono::duration<double, std::nano>;

constexpr nanoseconds cheap_task{1'000};       // below this, taking a chunk may cost more than its tasks
constexpr nanoseconds long_task{100'000};      // from here on a chunk is one task, so tasks start in input order
constexpr nanoseconds chunk_of_cheap{16'000};  // times the number of runners, because all contend for the cursor
constexpr nanoseconds chunk_of_others{200'000};

std::size_t tasks_in(nanoseconds time, nanoseconds per_task, std::size_t most) {
  const double tasks = time / per_task;
  return tasks < static_cast<double>(most) ? std::max<std::size_t>(1, static_cast<std::size_t>(tasks)) : most;
}

}  // namespace

// The time between two readings of the clock is taken as the time of the tasks run in between. It includes the cost
// of taking chunks, which makes a task look slower by a few nanoseconds at most. The first reading only starts the
// clock.
void runner_pace::measure(std::chrono::steady_clock::time_point now, std::size_t runners, std::size_t largest_chunk) {
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
    constexpr double most = std::numeric_limits<std::uint32_t>::max();
    task_time.store(static_cast<std::uint32_t>(std::min(std::ceil(per_task.count()), most)), std::memory_order_relaxed);
  }
  since = now;
  taken = 0;
}

template class basic_work_distributor<std_primitives>;

}  // namespace fanout::detail
