#include <algorithm>
#include <cmath>

#include "fanout/detail/machine.hpp"
#include "fanout/limits.hpp"
#include "fanout/tuning_report.hpp"
#include "tuning/number_text.hpp"

namespace fanout {

std::string machine_shape::to_string() const {
  std::string text = std::to_string(cores) + (cores == 1 ? " core" : " cores");
  if (quota) text += ", CPU quota " + detail::exact_text(*quota) + (*quota == 1 ? " core" : " cores");
  const double usable = std::min(static_cast<double>(cores), std::ceil(quota.value_or(static_cast<double>(cores))));
  if (static_cast<double>(available) != usable) text += ", available concurrency " + std::to_string(available);
  return text;
}

machine_shape this_machine() {
  return {
      .cores = detail::cores_by_affinity(), .quota = detail::quota_in_cores(), .available = available_concurrency()};
}

}  // namespace fanout
