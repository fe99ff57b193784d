#pragma once

#include <CLI/App.hpp>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "workloads/workload.hpp"

namespace tool {

/// The options that say what a subcommand measures, the same for all: `--workload` and those of each workload.
class workload_options {
 public:
  /// Adds them to the subcommand, and must stay where it is while arguments are parsed.
  explicit workload_options(CLI::App& app);
  workload_options(const workload_options&) = delete;
  workload_options& operator=(const workload_options&) = delete;

  const std::string& name() const { return workload_; }

  struct prepared {
    std::unique_ptr<workload> tasks;
    std::vector<input_error> errors;  // of what should have been part of it
  };

  /// The workload that was chosen, of which at most `concurrency` tasks run at once; the files `no_input` are not part of
  /// its input. Throws `usage_error` for options of another one, or for input that cannot be used, and `interruption`
  /// once `stop` is requested.
  prepared prepare(std::size_t concurrency, const std::stop_token& stop,
                   const std::vector<std::string>& no_input = {}) const;

  /// Throws `usage_error` if an option of a workload was given that is not the chosen one. An empty `chosen`: if any was.
  void refuse_options_of_others(const std::string& chosen) const;

 private:
  prepared prepare_compress(std::size_t concurrency, const std::stop_token& stop,
                            const std::vector<std::string>& no_input) const;

  CLI::App* app_;
  std::string workload_ = "compress";
  std::string input_ = "/usr/share/doc";
  std::size_t level_ = 3;
  std::size_t size_ = 512;
  std::size_t tasks_ = 64;
  std::size_t milliseconds_ = 10;
  std::size_t waiting_ = 75;
};

/// Says of each on standard error that it cannot be read.
void tell(const std::vector<input_error>& errors);

}  // namespace tool
