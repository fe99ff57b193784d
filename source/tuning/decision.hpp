#pragma once

#include <cstddef>
#include <span>

#include "tuning/bootstrap.hpp"

/// Decides which of the measured sizes to recommend.
namespace fanout::detail {

/// A measured size.
struct candidate {
  std::size_t repetitions = 0;
  const bootstrapped_median* times = nullptr;
};

struct decision {
  std::size_t best = 0;         ///< The index of the candidate with the smallest median.
  std::size_t recommended = 0;  ///< The index of the first candidate that is as good as the best.
  double confidence = 0;        ///< See `tuning_report::confidence()`.
};

/// If any size has fewer runs than this, the confidence is 0: a sample of one or two seems to have no spread.
inline constexpr std::size_t least_for_confidence = 3;

/// Recommends the first candidate, that is the smallest size, that is as good as the best: in at least one resample
/// of six, its median is at most 1 + tolerance times that of the best. This is the one-standard-error rule (Breiman
/// et al., Classification and Regression Trees, 1984), which takes the simplest choice within one standard error of
/// the best. A stricter rule, for example half of the resamples, made the choice vary from run to run between the
/// equally good sizes of a plateau: the best of many equal sizes is the one that looks better by luck.
///
/// Requires at least one candidate, in the order of the sizes, each with its times.
decision decide(std::span<const candidate> candidates, double tolerance);

}  // namespace fanout::detail
