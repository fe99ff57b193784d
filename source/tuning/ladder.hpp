#pragma once

#include <cstddef>
#include <vector>

/// Which sizes are measured: 1, 2, 3, 4, 6, 8, 12, 16 …, the powers of two and what lies halfway between them. Above 2
/// each step is by at most a half, so that the best size is never far from one that was measured, and there are few of them.
namespace fanout::detail {

/// The next rung above a size, which need not be one itself.
std::size_t next_rung(std::size_t size);

/// The rungs up to `most`, and `available` among them wherever it lies: the size that is the obvious guess.
/// Requires 1 <= available <= most.
std::vector<std::size_t> default_ladder(std::size_t available, std::size_t most);

/// Sizes that the caller named: in order, each once. Throws `std::invalid_argument` if one is 0 or above `most`.
std::vector<std::size_t> checked_sizes(std::vector<std::size_t> named, std::size_t most);

}  // namespace fanout::detail
