#include "tuning/ladder.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

namespace fanout::detail {

std::size_t next_rung(std::size_t size) {
  if (size < 2) return size + 1;
  const std::size_t power = std::bit_floor(size);
  const std::size_t halfway = power + power / 2;
  return size < halfway ? halfway : 2 * power;
}

std::vector<std::size_t> default_ladder(std::size_t available, std::size_t most) {
  std::vector<std::size_t> rungs;
  for (std::size_t size = 1; size <= most; size = next_rung(size)) rungs.push_back(size);
  const auto position = std::lower_bound(rungs.begin(), rungs.end(), available);
  if (position == rungs.end() || *position != available) rungs.insert(position, available);
  return rungs;
}

std::vector<std::size_t> checked_sizes(std::vector<std::size_t> named, std::size_t most) {
  std::sort(named.begin(), named.end());
  named.erase(std::unique(named.begin(), named.end()), named.end());
  for (const std::size_t size : named) {
    if (size >= 1 && size <= most) continue;
    throw std::invalid_argument("sizes must be between 1 and " + std::to_string(most) + ", got " +
                                std::to_string(size));
  }
  return named;
}

}  // namespace fanout::detail
