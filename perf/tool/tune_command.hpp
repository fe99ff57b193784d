#pragma once

#include <cstddef>
#include <fanout/tuning.hpp>
#include <memory>
#include <string>
#include <vector>

#include "budget_advice.hpp"
#include "command_line.hpp"
#include "command_options.hpp"
#include "exit_status.hpp"
#include "workload_options.hpp"

namespace tool {

/// `fanout tune`: its options, and what it does with them.
class tune_command {
 public:
  /// Adds the subcommand to the program. The command must stay where it is while arguments are parsed.
  explicit tune_command(CLI::App& program);
  tune_command(const tune_command&) = delete;
  tune_command& operator=(const tune_command&) = delete;

  /// Whether the parsed arguments ask for it.
  bool chosen() const { return app_->parsed(); }

  /// What the arguments say of the measurement, all but its stop and its progress. Throws `usage_error`.
  fanout::tuning_options options() const;

  /// `command_line` is what the page shows. Throws `usage_error`, also for a budget that turns out to be too small, and
  /// `interruption` if Ctrl-C came before anything was known.
  exit_status run(const std::string& command_line) const;

 private:
  /// Throws unless what the measurement will be written to can be written, and is nothing that the tool also reads.
  void require_outputs(bool runs_commands) const;
  /// What the tool has written earlier and will replace: a page, or a profile. They are no input of the workload, so
  /// that a measurement can be repeated in the same directory, and has the same input each time.
  std::vector<std::string> earlier_outputs() const;
  /// A report must not replace any other file of the input, once that is known.
  void require_report_is_no_input(const workload& tasks) const;
  workload_options::prepared prepare_command(process_groups& groups) const;
  std::string workload_name() const;
  given_budget budget() const;

  CLI::App* app_;
  workload_options workload_;
  command_options commands_;
  std::string sizes_;
  std::string budget_ = "30s";
  std::string format_ = "table";
  std::string report_;
  std::string profile_;
  std::string name_;
  bool no_baselines_ = false;
  bool no_progress_ = false;
};

}  // namespace tool
