#include "application_limit.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>

#include <limits>

namespace fanout::detail {

std::size_t application_limit() noexcept {
  static const auto by_default = static_cast<std::size_t>(tbb::info::default_concurrency());
  const std::size_t allowed = tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
  return allowed < by_default ? allowed : std::numeric_limits<std::size_t>::max();
}

}  // namespace fanout::detail
