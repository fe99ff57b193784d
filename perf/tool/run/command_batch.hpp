#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "processes/process_groups.hpp"
#include "progress_bar.hpp"
#include "quantity.hpp"
#include "workloads/command_list.hpp"
#include "workloads/command_template.hpp"

namespace tool {

/// What `fanout run` was asked to do.
struct run_settings {
  command_template words;
  std::string program;  // empty if it depends on the line
  command_list list;
  std::string input = "/dev/null";
  std::size_t concurrency = 1;
  bool adaptive = false;  // `concurrency` is then the most

  std::optional<std::chrono::nanoseconds> timeout{};
  std::optional<std::chrono::nanoseconds> task_timeout{};
  std::chrono::nanoseconds grace = std::chrono::seconds(2);
  std::size_t stop_after_failures = 0;  // 0: never
  std::size_t retry = 0;
  std::chrono::nanoseconds retry_pause{0};
  std::optional<start_rate> rate{};
  std::uint64_t memory_free = 0;
  bool as_completed = false;
};

/// How the command for one line ended.
struct command_record {
  enum class state {
    not_started,
    succeeded,
    failed,     // of itself, or it could not be started
    timed_out,  // after `task_timeout`
    stopped,    // the time for all was over, or the user stopped the tool
  };

  state ended = state::not_started;
  std::size_t attempts = 0;
  std::string what{};  // went wrong: "ended with exit status 7"
};

struct run_result {
  std::vector<command_record> records;  // one for each line
  std::chrono::nanoseconds wall{0};
  bool time_over = false;    // `timeout` has left lines without an end of their own
  bool had_enough = false;   // `stop_after_failures` has left lines that were not started
  std::string fault{};       // of the tool, such as a closed standard output, which has stopped it; empty if none
};

/// Runs the command for each line, and writes what the commands write. After a stop nothing starts, running commands
/// are asked to end, and the call returns when they have. Requires that `groups` has room for the concurrency. Throws
/// `fanout::resource_error` if there are no threads; nothing has run then.
run_result run_commands(const run_settings& settings, process_groups& groups, const std::stop_token& stop,
                        progress_bar& bar);

/// How messages name a line: `'x' (line 3)`.
std::string name_of(const list_line& line);

}  // namespace tool
