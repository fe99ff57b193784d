#pragma once

#include <cstddef>

namespace fanout::detail {

/// The most threads that may work for one batch as far as the application has a say: what a `tbb::global_control` of its
/// own allows, where that is fewer than oneTBB would have by itself. No limit otherwise. Only read, never set.
std::size_t application_limit() noexcept;

}  // namespace fanout::detail
