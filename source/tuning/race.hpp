#pragma once

#include <cstddef>
#include <vector>

#include "tuning/sweep.hpp"

/// Compares the sizes by the times measured so far. The sweep bases its decisions on these functions.
namespace fanout::detail {

/// A warm-up is a single run, and the first of its size, so only clear differences between warm-ups count.
inline constexpr double clear_fall = 1.25;    ///< Throughput falls: a run takes this many times as long as the best.
inline constexpr double clear_growth = 1.10;  ///< It grows: a run is this many times as fast as on the rung below.

/// Updates the `times` of each size that has new runs.
void summarise(std::vector<measured_size>& sizes, std::uint64_t seed);

/// The contender with the smallest median; null if no contender has been summarised.
const measured_size* front_runner(const std::vector<measured_size>& sizes);

/// Drops sizes that have enough runs and are clearly slower: the lower end of the interval is above the upper end of
/// the front-runner's by more than the tolerance and another 5 %.
void give_up_the_slow(std::vector<measured_size>& sizes, const tuning_options& options);

/// Whether a size needs no more runs: it is precise, or has as many runs as the options allow.
bool is_finished(const measured_size& size, const tuning_options& options);

/// Whether a size has enough runs, and its interval is as narrow as the options ask for.
bool is_precise(const measured_size& size, const tuning_options& options);

/// Whether the last two warm-ups both took clearly longer than the best one before them.
bool throughput_falls(const std::vector<measured_size>& sizes);

/// Whether the last warm-up was clearly faster than the one before.
bool warm_ups_still_grow(const std::vector<measured_size>& sizes);

/// Whether the last size has enough runs, is the front-runner, and is clearly faster than the one before.
bool medians_still_grow(const std::vector<measured_size>& sizes, const tuning_options& options);

/// The expected time of a run of a size, in seconds: the median of its runs, the last run, or the warm-up. A warm-up
/// is capped by those of larger sizes: a size k times as large can be at most k times as fast. That matters for the
/// first warm-up of all, which may read files and allocate memory for the first time, and so take many times as long.
double expected_seconds(const std::vector<measured_size>& sizes, std::size_t index);

}  // namespace fanout::detail
