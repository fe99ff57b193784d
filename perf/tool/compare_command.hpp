#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "command_options.hpp"
#include "compare.hpp"
#include "exit_status.hpp"
#include "report.hpp"
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
  /// Throws `usage_error` if the outputs cannot be written, or are also read.
  void require_outputs(bool runs_commands) const;
  std::vector<named_file> outputs() const;
  void require_outputs_are_no_input(const workload& tasks) const;
  workload_options::prepared prepare_command(process_groups& groups) const;
  std::vector<fanout::comparison_scheduler> schedulers(std::size_t ahead) const;

  /// Writes the files, and the report to standard output. Returns whether all could be written.
  bool write(const comparison& result, const report_context& context) const;

  CLI::App* app_;
  workload_options workload_;
  command_options commands_;
  std::string format_ = "table";
  std::size_t concurrency_;
  std::size_t repetitions_ = 5;
  bool stream_ = false;
  std::string schedulers_;
  std::string csv_;
  std::string json_;
  std::string page_;
  CLI::Option* ahead_option_;
  std::size_t ahead_ = 0;
  bool no_progress_ = false;
};

}  // namespace tool
