#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <vector>

/// What a handful of repeated measurements says. Medians and quartiles rather than means: one run that another
/// process disturbed must not move the result.
namespace tool {

/// Five numbers of a sample, in the unit of its values, and its size.
struct sample_summary {
  std::size_t size = 0;
  double minimum = 0;
  double lower_quartile = 0;
  double median = 0;
  double upper_quartile = 0;
  double maximum = 0;

  /// Half the distance between the quartiles, as a share of the median; 0 when the median is. A single value has none.
  std::optional<double> spread() const {
    if (size < 2) return std::nullopt;
    return median == 0 ? 0 : (upper_quartile - lower_quartile) / 2 / median;
  }
};

/// The value below which `share` (0 … 1) of a sorted sample lies, interpolated linearly between neighbours, as
/// spreadsheets and NumPy do by default. Requires a sorted sample that is not empty.
inline double quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const double below = std::floor(position);
  const auto index = static_cast<std::size_t>(below);
  const double low = sorted[index];
  const double high = sorted[std::min(index + 1, sorted.size() - 1)];
  return low + (high - low) * (position - below);
}

/// Throws `std::invalid_argument` for an empty sample.
inline sample_summary summarise(std::vector<double> sample) {
  if (sample.empty()) throw std::invalid_argument("summarise: the sample is empty");
  std::sort(sample.begin(), sample.end());
  return {.size = sample.size(),
          .minimum = sample.front(),
          .lower_quartile = quantile(sample, 0.25),
          .median = quantile(sample, 0.5),
          .upper_quartile = quantile(sample, 0.75),
          .maximum = sample.back()};
}

}  // namespace tool
