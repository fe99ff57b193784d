#pragma once

#include <fanout/tuning_comparison.hpp>
#include <string_view>
#include <vector>

namespace tool {

/// The schedulers that a list such as `serial,fanout,async` names, in its order. Throws `usage_error` for a name that is
/// unknown or there twice.
std::vector<fanout::comparison_scheduler> parse_schedulers(std::string_view list);

}  // namespace tool
