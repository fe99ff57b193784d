#include "claims.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace fanout::detail {
namespace {

using nanoseconds = std::chrono::duration<double, std::nano>;

constexpr nanoseconds dear_task{1'000};    // from here on a task is a bite of its own
constexpr nanoseconds bite_time{100};      // of cheap tasks, if they are not too many: taking a bite costs 6 ns
constexpr nanoseconds block_time{16'000};  // of a block; where tasks are cheap, for each runner of the batch

// Of dear tasks this many runners take 2 blocks in a microsecond, of which each needs the cursor's line for 0.14 to 0.3
// µs. From there on blocks grow, or 256 runners would do nothing but wait for it: see the model in docs/performance.md.
constexpr double runners_to_a_block = 32;

std::size_t tasks_in(nanoseconds time, nanoseconds per_task, std::size_t most) {
  const double tasks = time / per_task;
  return tasks < static_cast<double>(most) ? std::max<std::size_t>(1, static_cast<std::size_t>(tasks)) : most;
}

}  // namespace

// The time from one reading of the clock to the next is that of the tasks in between: what claiming costs is part
// of it, which makes tasks look dearer by some nanoseconds at most. The first reading only starts the clock.
void runner_pace::measure(std::chrono::steady_clock::time_point now, std::size_t runners, std::size_t largest_bite) {
  if (since != std::chrono::steady_clock::time_point{}) {
    const nanoseconds per_task = std::max(nanoseconds(now - since) / static_cast<double>(taken), nanoseconds(0.01));
    const bool dear = per_task >= dear_task;
    const double shares = std::max(1.0, static_cast<double>(runners) / (dear ? runners_to_a_block : 1.0));
    wanted = tasks_in(block_time * shares, per_task, open_rest::max_block);
    least = tasks_in(dear_task, per_task, wanted);
    bound = largest_bite;
    if (runners != 1) {
      const std::size_t cheap_bite = std::max(claims::usual_bite, tasks_in(bite_time, per_task, largest_bite));
      bound = dear ? 1 : std::min(cheap_bite, largest_bite);
    }
  }
  since = now;
  taken = 0;
}

template class basic_claims<std_primitives>;

}  // namespace fanout::detail
