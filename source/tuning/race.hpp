#pragma once

#include <cstddef>
#include <vector>

#include "tuning/sweep.hpp"

/// What the times so far say about the sizes: pure functions on which the sweep decides.
namespace fanout::detail {

/// A warm-up is one run, and the first of its size: only clear differences count.
inline constexpr double clear_fall = 1.25;    ///< Times as long as the best so far.
inline constexpr double clear_growth = 1.10;  ///< Times as fast as the rung below.

/// Brings `times` of each size up to its runs.
void summarise(std::vector<measured_size>& sizes, std::uint64_t seed);

/// The contender with the smallest median, or null where none has been summarised.
const measured_size* front_runner(const std::vector<measured_size>& sizes);

/// Takes out of the race who has enough runs and is clearly slower: its whole interval lies above the front-runner's by
/// the tolerance and another 5 %.
void give_up_the_slow(std::vector<measured_size>& sizes, const tuning_options& options);

/// Whether more runs of a size would tell nothing new: enough, and the interval narrow, or as many as allowed.
bool is_settled(const measured_size& size, const tuning_options& options);

/// Whether the interval is as narrow as asked for.
bool is_precise(const measured_size& size, const tuning_options& options);

/// Whether the last two warm-ups both took clearly longer than the best of those before.
bool throughput_falls(const std::vector<measured_size>& sizes);

/// Whether the last warm-up was clearly faster than the one before.
bool warm_ups_still_grow(const std::vector<measured_size>& sizes);

/// Whether the last size has enough runs, is the front-runner, and clearly faster than the one before.
bool medians_still_grow(const std::vector<measured_size>& sizes, const tuning_options& options);

/// What a run of a size takes, as far as is known: the median of the runs, or the warm-up. But where a larger size is
/// known, never more than that many times its time: the first warm-up of all, which reads the files and allocates the
/// memory, may take many times as long as what comes after it.
double expected_seconds(const std::vector<measured_size>& sizes, std::size_t index);

}  // namespace fanout::detail
