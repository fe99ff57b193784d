#pragma once

#include <cstddef>

namespace fanout::detail {

/// A concurrency as a caller named it: 1 … `max_concurrency()`, `automatic` or `unlimited`. Throws the
/// `std::invalid_argument` that names the bounds for any other.
std::size_t checked_concurrency(std::size_t named);

}  // namespace fanout::detail
