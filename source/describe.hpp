#pragma once

#include <exception>
#include <string>

namespace fanout::detail {

/// What an exception says of itself: `what()`, or `an exception of type int`. Requires one that is not null.
std::string describe(const std::exception_ptr& cause);

}  // namespace fanout::detail
