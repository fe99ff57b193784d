#include "tuning/disturbance.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "tuning/number_text.hpp"

namespace fanout::detail {
namespace {

/// Of the time of threads or cores. A smaller share is usual on an idle machine; a larger one makes a size slower
/// than the tolerance and the intervals can hide.
constexpr double much = 0.1;

bool is_much(const std::optional<double>& share) { return share && *share > much; }

/// The largest number of threads of which each has a core.
std::size_t most_with_cores(const machine_shape& machine) {
  if (!machine.quota) return machine.available;
  return std::min(machine.available, static_cast<std::size_t>(std::floor(*machine.quota)));
}

/// The share of their time in which the threads of a size waited for a core.
double share_of_waits(const measured_size& size) {
  const double time = std::accumulate(size.seconds.begin(), size.seconds.end(), 0.0);
  const double all_threads = time * static_cast<double>(size.concurrency);
  return all_threads > 0 ? size.core_wait_seconds.value_or(0) / all_threads : 0;
}

}  // namespace

core_use use_between(const std::optional<cpu_times>& before, const std::optional<cpu_times>& after,
                     const resource_use& own) {
  const bool by_children = own.child_cpu_seconds > much * own.cpu_seconds;
  constexpr double least = 0.5;
  if (!before || !after || after->all - before->all < least) return {.by_children = by_children};
  const double all = after->all - before->all;
  const auto share = [all](double seconds) { return std::clamp(seconds / all, 0.0, 1.0); };
  return {.others = share(after->busy - before->busy - own.cpu_seconds),
          .stolen = share(after->stolen - before->stolen),
          .by_children = by_children};
}

disturbance disturbance_of(const std::vector<measured_size>& sizes, const machine_shape& machine,
                           const core_use& use) {
  const measured_size* worst = nullptr;
  for (const measured_size& size : sizes) {
    if (size.concurrency > most_with_cores(machine)) break;
    if (worst == nullptr || share_of_waits(size) > share_of_waits(*worst)) worst = &size;
  }
  const bool waited = worst != nullptr && share_of_waits(*worst) > much;
  const bool others = !machine.quota && is_much(use.others);
  const bool stolen = is_much(use.stolen);

  std::string wait;
  if (waited) {
    wait = "threads waited for a core for " + percent_text(share_of_waits(*worst)) + " of their time at size " +
           std::to_string(worst->concurrency);
  }
  if (waited && !others && !stolen && use.others && !machine.quota) {
    if (use.by_children) return {};
    return {
        .by_others = false,
        .text = " T" + wait.substr(1) + ", but other programs used only " + percent_text(*use.others) +
                " of the cores: this process has further threads that compute, perhaps some that the tasks start."};
  }
  if (!waited && !others && !stolen) return {};

  std::string causes = wait;
  const auto add = [&causes](const std::string& cause) { causes += (causes.empty() ? "" : ", and ") + cause; };
  if (others) add("other programs used " + percent_text(*use.others) + " of the cores");
  if (stolen) add("the hypervisor gave " + percent_text(*use.stolen) + " of the cores to other machines");
  return {.by_others = true, .text = " The machine was busy: " + causes + ". Measure again when it is idle."};
}

}  // namespace fanout::detail
