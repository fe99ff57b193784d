#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "processes/child_process.hpp"
#include "workloads/command_list.hpp"
#include "workloads/command_template.hpp"
#include "workloads/workload.hpp"

namespace tool {

/// A command could not be run, or did not end with exit status 0. The text names the line.
class command_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The system has no process, memory or open file left for a command. The text names the line.
class command_refused : public command_error {
 public:
  using command_error::command_error;
};

/// What is wrong with a command that ended, such as "ended with exit status 7"; nothing if it succeeded.
std::optional<std::string> complaint(const command_end& end);

/// Runs a command for each line of a list. What it writes to standard error is seen.
class command_workload final : public workload {
 public:
  /// Requires that `groups` outlives it, and at least one line in the list.
  /// `checks_output`: the checksum of a task is that of what its command writes into a pipe.
  command_workload(process_groups& groups, std::string command, command_template words, command_streams streams,
                   command_list list, bool checks_output);

  std::string_view name() const override { return "command"; }
  std::string summary() const override;
  parameters description() const override;
  std::size_t task_count() const override { return list_.lines.size(); }
  std::string task_name(std::size_t index) const override;

  /// True if the command has a `{threads}`.
  bool brings_threads() const override { return words_.takes_threads(); }
  void use_threads(std::size_t threads) override { threads_ = threads; }
  std::optional<std::uint64_t> take_peak_memory() override;

  /// Throws `command_error`, or `command_refused`. Once `stop` is requested the command is killed, with what it has
  /// started.
  std::uint64_t run(std::size_t index, const std::stop_token& stop) const override;

 private:
  std::string failure(std::size_t index, const std::string& what) const;

  process_groups& groups_;
  std::string command_;
  command_template words_;
  command_streams streams_;
  command_list list_;
  bool checks_output_;
  std::size_t threads_ = 1;
  mutable std::atomic<std::uint64_t> peak_memory_{0};  // relaxed: read when all tasks have ended
};

}  // namespace tool
