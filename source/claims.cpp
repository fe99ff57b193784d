#include "claims.hpp"

#include <algorithm>
#include <thread>

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
void claims::measure(claimant& me) const {
  const auto now = std::chrono::steady_clock::now();
  if (me.since != std::chrono::steady_clock::time_point{}) {
    const nanoseconds per_task =
        std::max(nanoseconds(now - me.since) / static_cast<double>(me.taken), nanoseconds(0.01));
    const bool dear = per_task >= dear_task;
    const double shares = std::max(1.0, static_cast<double>(runners_) / (dear ? runners_to_a_block : 1.0));
    me.wanted = tasks_in(block_time * shares, per_task, open_rest::max_block);
    me.least = tasks_in(dear_task, per_task, me.wanted);
    me.bound = largest_bite_;
    if (runners_ != 1) {
      const std::size_t cheap_bite = std::max(usual_bite, tasks_in(bite_time, per_task, largest_bite_));
      me.bound = dear ? 1 : std::min(cheap_bite, largest_bite_);
    }
  }
  me.since = now;
  me.taken = 0;
}

bite claims::claim_block(claimant& me) {
  // Acquire: who sees the cursor at the end sees the announcement of every claim that brought it there.
  const std::size_t seen = cursor_.load(std::memory_order_acquire);
  if (seen >= size_) return {};
  // The last blocks are single tasks or what was reckoned before: no measurement would change them.
  if (me.taken != 0 && size_ - seen > runners_) measure(me);
  const std::size_t share = (size_ - seen) / (2 * runners_);
  const std::size_t block = std::clamp(share, me.least, me.wanted);
  if (block > 1) me.rest.announce();
  const std::size_t first = cursor_.fetch_add(block, std::memory_order_acq_rel);
  if (first >= size_) {
    me.rest.open({});
    return {};
  }
  return begin_block(me, {first, std::min(first + block, size_)});
}

bite claims::begin_block(claimant& me, bite block) const {
  const std::size_t taken = std::min(block.size(), largest_bite(me, block.first));
  me.rest.open({block.first + taken, block.last});
  return {block.first, block.first + taken};
}

void claims::pause() { std::this_thread::yield(); }

}  // namespace fanout::detail
