#include "tuning/race.hpp"

#include <algorithm>
#include <limits>

namespace fanout::detail {

void summarise(std::vector<measured_size>& sizes, std::uint64_t seed) {
  for (measured_size& size : sizes) {
    if (size.summarised == size.seconds.size()) continue;
    size.times = bootstrap_median(size.seconds, seed + size.concurrency);  // sizes are resampled independently
    size.summarised = size.seconds.size();
  }
}

const measured_size* front_runner(const std::vector<measured_size>& sizes) {
  const measured_size* best = nullptr;
  for (const measured_size& size : sizes) {
    if (size.contender && size.summarised != 0 && (!best || size.times.median < best->times.median)) best = &size;
  }
  return best;
}

void give_up_the_slow(std::vector<measured_size>& sizes, const tuning_options& options) {
  constexpr double clearly_slower = 0.05;
  const measured_size* const front = front_runner(sizes);
  if (front == nullptr) return;
  const double limit = front->times.high * (1 + options.tolerance + clearly_slower);
  for (measured_size& size : sizes) {
    if (size.seconds.size() >= options.min_repetitions && size.times.low > limit) size.contender = false;
  }
}

bool is_precise(const measured_size& size, const tuning_options& options) {
  return size.seconds.size() >= options.min_repetitions && size.times.relative_half_width() <= options.precision;
}

bool is_finished(const measured_size& size, const tuning_options& options) {
  return size.seconds.size() >= options.max_repetitions || is_precise(size, options);
}

bool throughput_falls(const std::vector<measured_size>& sizes) {
  if (sizes.size() < 3) return false;
  const auto last_two = sizes.end() - 2;
  double best = std::numeric_limits<double>::infinity();
  for (auto size = sizes.begin(); size != last_two; ++size) best = std::min(best, size->warm_up_seconds);
  return std::all_of(last_two, sizes.end(),
                     [&](const measured_size& size) { return size.warm_up_seconds > clear_fall * best; });
}

bool warm_ups_still_grow(const std::vector<measured_size>& sizes) {
  if (sizes.size() < 2) return false;
  const auto last = sizes.end() - 1;
  return last->warm_up_seconds * clear_growth < (last - 1)->warm_up_seconds;
}

bool medians_still_grow(const std::vector<measured_size>& sizes, const tuning_options& options) {
  constexpr double clear = 1.05;
  if (sizes.size() < 2) return false;
  const measured_size& last = sizes[sizes.size() - 1];
  const measured_size& before = sizes[sizes.size() - 2];
  return last.seconds.size() >= options.min_repetitions && before.summarised != 0 && front_runner(sizes) == &last &&
         last.times.median * clear < before.times.median;
}

double expected_seconds(const std::vector<measured_size>& sizes, std::size_t index) {
  const measured_size& size = sizes[index];
  if (size.summarised != 0) return size.times.median;
  if (!size.seconds.empty()) return size.seconds.back();
  double expected = size.warm_up_seconds;
  for (std::size_t larger = index + 1; larger < sizes.size(); ++larger) {
    const double share = static_cast<double>(sizes[larger].concurrency) / static_cast<double>(size.concurrency);
    expected = std::min(expected, sizes[larger].warm_up_seconds * share);
  }
  return expected;
}

}  // namespace fanout::detail
