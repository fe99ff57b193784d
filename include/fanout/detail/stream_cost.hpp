#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace fanout::detail {

/// The numbers of a stream that limit how many workers are of use.
struct stream_bounds {
  std::size_t most_workers;
  std::size_t capacity;  // of the look-ahead
  std::size_t cores;
};

/// What the items of a stream take, as one worker finds it.
class stream_cost {
 public:
  /// How many workers are of use, according to what one turn took and to the mean of many. One turn may take long
  /// because its thread lost the core, so two turns must agree that more are of use. They never do if one item in ten
  /// takes long and the others nothing, because a turn that has met a long item is followed by short ones; the mean
  /// shows such items. Half of it counts, because a busy machine has no more cores for more workers.
  ///
  /// `is_awaited`: whether the reader has waited lately. Otherwise it would not notice that the only worker is inside
  /// a long item.
  std::size_t note(std::chrono::nanoseconds took, std::size_t count, bool is_awaited,
                   const stream_bounds& in) noexcept {
    spent_ += took;
    mapped_ += count;
    const std::size_t by_mean = useful_at(spent_ / (2 * mapped_), is_awaited, in);
    if (spent_ > time_of_mean) {
      spent_ /= 2;
      mapped_ = (mapped_ + 1) / 2;
    }
    const std::size_t by_turn = useful_at(took / count, is_awaited, in);
    return std::max(by_mean, std::min(by_turn, std::exchange(by_last_turn_, by_turn)));
  }

 private:
  // Below this, two workers would only take cache lines from each other: pulling and delivering takes as long.
  static constexpr std::chrono::nanoseconds too_cheap_to_share{60};
  // The mean of what items take is that of about so much time of mapping.
  static constexpr std::chrono::nanoseconds time_of_mean{10'000'000};
  // If all results of the look-ahead come within this time, the reader should have a core of its own: to put it to
  // sleep and wake it takes as long.
  static constexpr std::chrono::nanoseconds too_brisk_to_sleep{20'000};

  /// How many workers are of use if an item takes so long: all, unless the reader would notice that the only one is
  /// inside a long item.
  static std::size_t useful_at(std::chrono::nanoseconds each, bool is_awaited, const stream_bounds& in) noexcept {
    if (!is_awaited) return in.most_workers;
    if (each < too_cheap_to_share) return 1;
    if (in.capacity * each / in.most_workers < too_brisk_to_sleep)
      return std::clamp<std::size_t>(in.cores - 1, 1, in.most_workers);
    return in.most_workers;
  }

  std::chrono::nanoseconds spent_{0};  // on mapping lately, and how many items it has mapped in that time
  std::size_t mapped_ = 0;
  std::size_t by_last_turn_ = static_cast<std::size_t>(-1);
};

}  // namespace fanout::detail
