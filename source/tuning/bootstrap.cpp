#include "tuning/bootstrap.hpp"

#include <algorithm>
#include <cmath>

#include "tuning/random.hpp"

namespace fanout::detail {
namespace {

/// The median of one resample. The sample is sorted, so it counts how often each rank is drawn, and sorts nothing.
double resampled_median(std::span<const double> sorted, std::vector<std::uint32_t>& draws, random_numbers& random) {
  const std::size_t size = sorted.size();
  std::fill(draws.begin(), draws.end(), 0u);
  for (std::size_t draw = 0; draw != size; ++draw) ++draws[random.below(size)];

  const std::size_t lower = (size - 1) / 2;  // the two middle ranks; the same rank for an odd size
  const std::size_t upper = size / 2;
  std::size_t rank = 0;
  std::size_t passed = draws[0];
  while (passed <= lower) passed += draws[++rank];
  const double below = sorted[rank];
  while (passed <= upper) passed += draws[++rank];
  return below + (sorted[rank] - below) / 2;
}

}  // namespace

double quantile(std::span<const double> sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const double below = std::floor(position);
  const auto index = static_cast<std::size_t>(below);
  const double low = sorted[index];
  const double high = sorted[std::min(index + 1, sorted.size() - 1)];
  return low + (high - low) * (position - below);
}

bootstrapped_median bootstrap_median(std::vector<double> sample, std::uint64_t seed) {
  std::sort(sample.begin(), sample.end());
  bootstrapped_median result;
  result.median = quantile(sample, 0.5);

  random_numbers random(seed);
  std::vector<std::uint32_t> draws(sample.size());
  result.resamples.reserve(resample_count);
  while (result.resamples.size() != resample_count) {
    result.resamples.push_back(resampled_median(sample, draws, random));
  }

  std::vector<double> sorted = result.resamples;
  std::sort(sorted.begin(), sorted.end());
  result.low = std::min(quantile(sorted, 0.025), result.median);
  result.high = std::max(quantile(sorted, 0.975), result.median);
  return result;
}

}  // namespace fanout::detail
