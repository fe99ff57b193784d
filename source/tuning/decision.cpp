#include "tuning/decision.hpp"

#include <algorithm>
#include <vector>

namespace fanout::detail {
namespace {

constexpr double one_standard_error_below = 1.0 / 6;  // 0.159 of a normal distribution lie one deviation below the mean

/// The share of resamples in which the median in `resamples` is at most `factor` times that in `others`.
double share_within(const std::vector<double>& resamples, const std::vector<double>& others, double factor) {
  std::size_t within = 0;
  for (std::size_t i = 0; i != resamples.size(); ++i) {
    if (resamples[i] <= others[i] * factor) ++within;
  }
  return static_cast<double>(within) / static_cast<double>(resamples.size());
}

/// For each resample, the smallest median of all candidates.
std::vector<double> best_of_all(std::span<const candidate> candidates) {
  std::vector<double> best = candidates.front().times->resamples;
  for (const candidate& each : candidates) {
    std::transform(best.begin(), best.end(), each.times->resamples.begin(), best.begin(),
                   [](double a, double b) { return std::min(a, b); });
  }
  return best;
}

}  // namespace

decision decide(std::span<const candidate> candidates, double tolerance) {
  const auto best =
      std::min_element(candidates.begin(), candidates.end(),
                       [](const candidate& a, const candidate& b) { return a.times->median < b.times->median; });
  const auto as_good = [&](const candidate& each) {
    return share_within(each.times->resamples, best->times->resamples, 1 + tolerance) >= one_standard_error_below;
  };
  const auto recommended = std::find_if(candidates.begin(), best, as_good);

  const bool enough = std::all_of(candidates.begin(), candidates.end(),
                                  [](const candidate& each) { return each.repetitions >= least_for_confidence; });
  return {
      .best = static_cast<std::size_t>(best - candidates.begin()),
      .recommended = static_cast<std::size_t>(recommended - candidates.begin()),
      .confidence = enough ? share_within(recommended->times->resamples, best_of_all(candidates), 1 + tolerance) : 0};
}

}  // namespace fanout::detail
