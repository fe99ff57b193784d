#include "scheduler_list.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "exit_status.hpp"
#include "text_output.hpp"

namespace tool {

std::vector<fanout::comparison_scheduler> parse_schedulers(std::string_view list) {
  const std::vector<fanout::comparison_scheduler> known = fanout::comparison_scheduler::all();
  std::vector<fanout::comparison_scheduler> chosen;
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view name = list.substr(0, comma);
    const auto is_named = [&](const fanout::comparison_scheduler& each) { return each.name() == name; };
    const auto found = std::find_if(known.begin(), known.end(), is_named);
    if (found == known.end()) {
      throw usage_error(fmt::format(
          "--schedulers takes serial, fanout, thread-rounds, thread-pool, async and task-arena, not '{}'",
          short_line(name)));
    }
    if (std::any_of(chosen.begin(), chosen.end(), is_named)) {
      throw usage_error(fmt::format("--schedulers has '{}' twice", name));
    }
    chosen.push_back(*found);
    if (comma == std::string_view::npos) return chosen;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace tool
