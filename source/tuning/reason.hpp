#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "fanout/tuning_report.hpp"

namespace fanout::detail {

/// Explains in words why the recommended size was chosen, from the other members of the results. `refused` is the
/// first size whose threads could not be created, if any.
std::string explain(const tuning_results& results, std::optional<std::size_t> refused = {});

}  // namespace fanout::detail
