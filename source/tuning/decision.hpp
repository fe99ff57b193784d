#pragma once

#include <cstddef>
#include <span>

#include "tuning/bootstrap.hpp"

/// Which of the sizes measured is recommended.
namespace fanout::detail {

/// What is known of a size.
struct candidate {
  std::size_t repetitions = 0;
  const bootstrapped_median* times = nullptr;
};

struct decision {
  std::size_t best = 0;         ///< The index of the smallest median.
  std::size_t recommended = 0;  ///< The index of the first candidate that is as good.
  double confidence = 0;        ///< See `tuning_report::confidence()`.
};

/// Runs of every size below which no confidence is claimed: a sample of one or two looks as if it had no spread.
inline constexpr std::size_t least_for_confidence = 3;

/// Chooses the first candidate, hence the smallest size, that is as good as the best: the ratio of its median to the
/// best one's is within 1 + tolerance in at least one resample of six. That is the one-standard-error rule (Breiman et
/// al., Classification and Regression Trees, 1984): the simplest choice within one standard error of the best. To ask
/// for more, for half of the resamples say, made the choice wander among the sizes of a plateau: the best of many equal
/// sizes is the one that luck made look better than it is.
///
/// Requires a candidate at least, in the order of their sizes, each with its times.
decision decide(std::span<const candidate> candidates, double tolerance);

}  // namespace fanout::detail
