#include "budget_advice.hpp"

#include <fmt/format.h>

#include "duration.hpp"

namespace tool {

std::string budget_advice(const given_budget& given, const fanout::budget_error& refused, std::size_t tasks) {
  using seconds = std::chrono::duration<double>;
  const std::string begin = fmt::format("--budget {} is too small", given.text);
  if (!refused.sufficient()) {
    const std::string nothing = tasks == 1 ? "the task did not end" : fmt::format("none of the {} tasks ended", tasks);
    return fmt::format("{}: {} within it. Use a much longer one, or shorter tasks", begin, nothing);
  }
  const seconds sufficient = *refused.sufficient() * (seconds(given.whole) / seconds(given.for_sizes));
  const auto fewer_tasks = [&](seconds budget) {
    const auto fewer = static_cast<std::size_t>(static_cast<double>(tasks) * (budget / sufficient));
    return fewer == 0 ? std::string("fewer tasks") : fmt::format("about {} of the {} tasks", fewer, tasks);
  };
  if (sufficient > longest_duration) {
    return fmt::format("{}, and so is a day: use fewer --sizes, or --budget {} and {}", begin,
                       duration_option(longest_duration), fewer_tasks(longest_duration));
  }
  return fmt::format("{}: use --budget {}, or fewer --sizes, or {}", begin,
                     duration_option(std::chrono::ceil<std::chrono::nanoseconds>(sufficient)),
                     fewer_tasks(given.whole));
}

}  // namespace tool
