#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "fanout/tuning_report.hpp"

namespace fanout::detail {

/// Explains in words why the recommended size was chosen, from the other members of the results. `refused` is the
/// smallest size that was left out, if any; `disturbance` is the text of `disturbance_of`.
std::string explain(const tuning_results& results, std::optional<std::size_t> refused = {},
                    const std::string& disturbance = {});

}  // namespace fanout::detail
