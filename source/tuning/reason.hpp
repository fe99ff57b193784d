#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "fanout/tuning_report.hpp"

namespace fanout::detail {

/// Why the recommended size was chosen, in words, from all else that the results hold. `refused` is the first size for
/// which the machine could not give the threads.
std::string explain(const tuning_results& results, std::optional<std::size_t> refused = {});

}  // namespace fanout::detail
