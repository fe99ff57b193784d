#pragma once

#include <cstddef>
#include <vector>

/// The ladder of sizes to measure: 1, 2, 3, 4, 6, 8, 12, 16 …, the powers of two and the numbers halfway between
/// them. Above 2, no rung is more than half larger than the one before. So there are few rungs, and the best size is
/// never far from one of them.
namespace fanout::detail {

/// The lowest rung above a size, which need not be a rung itself.
std::size_t next_rung(std::size_t size);

/// The rungs up to `most`, and `available` even if it is not a rung, because it is the obvious guess.
/// Requires 1 <= available <= most.
std::vector<std::size_t> default_ladder(std::size_t available, std::size_t most);

/// Sorts sizes that the caller named, and removes duplicates. Throws `std::invalid_argument` if one is 0 or above
/// `most`.
std::vector<std::size_t> checked_sizes(std::vector<std::size_t> named, std::size_t most);

}  // namespace fanout::detail
