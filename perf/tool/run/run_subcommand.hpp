#pragma once

#include <string>
#include <vector>

#include "command_line.hpp"
#include "exit_status.hpp"
#include "run/command_batch.hpp"
#include "workloads/workload.hpp"

namespace tool {

/// `fanout run`: its options, and what it does with them.
class run_subcommand {
 public:
  /// Adds the subcommand to the program. It must stay where it is while arguments are parsed.
  explicit run_subcommand(CLI::App& program);
  run_subcommand(const run_subcommand&) = delete;
  run_subcommand& operator=(const run_subcommand&) = delete;

  /// Whether the parsed arguments ask for it.
  bool chosen() const { return app_->parsed(); }

  /// Runs the commands, or shows them. Throws `usage_error`; nothing has run then.
  exit_status run() const;

 private:
  void add_options_of_time();
  void add_options_of_output();

  run_settings settings() const;
  command_list list(std::vector<input_error>& errors) const;
  std::string program(const command_template& words) const;
  void require_files() const;
  separator between() const { return null_ ? separator::null : separator::newline; }

  CLI::App* app_;
  std::string command_;
  std::string input_list_;
  std::string input_;
  bool null_ = false;
  bool shell_ = false;
  std::string stdin_ = "/dev/null";

  std::string concurrency_;
  std::string timeout_;
  std::string task_timeout_;
  std::string grace_ = "2s";
  std::size_t retry_ = 0;
  std::string retry_pause_;
  std::string rate_;
  std::string memory_free_;
  std::size_t stop_after_failures_ = 0;

  bool as_completed_ = false;
  bool dry_run_ = false;
  bool no_progress_ = false;
  std::string summary_;
  std::string unfinished_;
};

}  // namespace tool
