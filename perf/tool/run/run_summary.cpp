#include "run/run_summary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text_output.hpp"

namespace tool {

using state = command_record::state;

std::string summary_line(const run_result& result) {
  const auto number_of = [&](state wanted) {
    return std::count_if(result.records.begin(), result.records.end(),
                         [=](const command_record& each) { return each.ended == wanted; });
  };
  const auto retried = std::count_if(result.records.begin(), result.records.end(),
                                     [](const command_record& each) { return each.attempts > 1; });
  const std::size_t total = result.records.size();
  std::string text = fmt::format(
      "{} {} in {:.2f} s: {} succeeded, {} failed, {} timed out, {} stopped, {} not started; {} retried", total,
      total == 1 ? "command" : "commands", std::chrono::duration<double>(result.wall).count(),
      number_of(state::succeeded), number_of(state::failed), number_of(state::timed_out), number_of(state::stopped),
      number_of(state::not_started), retried);
  if (result.time_over) text += "; the time was over";
  if (result.had_enough) text += "; no more were started after so many failures";
  return text;
}

std::string summary_text(const run_result& result, const command_list& list) {
  std::string text = summary_line(result) + "\n";
  for (std::size_t i = 0; i != result.records.size(); ++i) {
    const command_record& record = result.records[i];
    if (record.ended == state::succeeded || record.ended == state::not_started) continue;
    text += fmt::format("{}{}\t{}\n", one_line(record.what),
                        record.attempts > 1 ? fmt::format(", in attempt {}", record.attempts) : "",
                        one_line(list.lines[i].text));
  }
  return text;
}

std::string unfinished_lines(const run_result& result, const command_list& list, separator between) {
  std::string text;
  for (std::size_t i = 0; i != result.records.size(); ++i) {
    if (result.records[i].ended == state::succeeded) continue;
    text += list.lines[i].text;
    text += static_cast<char>(between);
  }
  return text;
}

}  // namespace tool
