#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "exit_status.hpp"
#include "workloads/workload.hpp"

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
  struct prepared_workload {
    std::unique_ptr<workload> tasks;
    std::vector<input_error> errors;  // of what should have been part of it
  };

  void refuse_options_of_other_workloads() const;
  prepared_workload prepare(const std::stop_token& stop) const;
  prepared_workload prepare_compress(const std::stop_token& stop) const;

  CLI::App* app_;
  std::string workload_ = "compress";
  std::string input_ = "/usr/share/doc";
  std::string format_ = "table";
  std::size_t concurrency_;
  std::size_t repetitions_ = 5;
  std::size_t level_ = 3;
  std::size_t size_ = 512;
  std::size_t tasks_ = 64;
  std::size_t milliseconds_ = 10;
  bool no_progress_ = false;
};

}  // namespace tool
