#pragma once

#include <cstddef>
#include <string>

#include "command_line.hpp"
#include "exit_status.hpp"
#include "workload_options.hpp"

namespace tool {

/// `fanout compare`: its options, and what it does with them.
class compare_command {
 public:
  /// Adds the subcommand to the program. The command must stay where it is while arguments are parsed.
  explicit compare_command(CLI::App& program);
  compare_command(const compare_command&) = delete;
  compare_command& operator=(const compare_command&) = delete;

  /// Whether the parsed arguments ask for it.
  bool chosen() const { return app_->parsed(); }

  /// Throws `usage_error` before anything has run, `interruption` after Ctrl-C.
  exit_status run() const;

 private:
  CLI::App* app_;
  workload_options workload_;
  std::string format_ = "table";
  std::size_t concurrency_;
  std::size_t repetitions_ = 5;
  bool stream_ = false;
  CLI::Option* ahead_option_;
  std::size_t ahead_ = 0;
  bool no_progress_ = false;
};

}  // namespace tool
