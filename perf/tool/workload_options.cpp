#include "workload_options.hpp"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "command_line.hpp"
#include "exit_status.hpp"
#include "text_output.hpp"
#include "workloads/compress.hpp"
#include "workloads/mandelbrot.hpp"
#include "workloads/mixed.hpp"
#include "workloads/sleep.hpp"

namespace tool {
namespace {

std::string group_of(std::string_view workloads) { return fmt::format("Options of the workload {}", workloads); }

const std::string group_of_compress = group_of("compress");
const std::string group_of_mandelbrot = group_of("mandelbrot");
const std::string group_of_sleep_and_mixed = group_of("sleep or mixed");
const std::string group_of_mixed = group_of("mixed");

/// Whether a workload has the options of a group.
bool owns(const std::string& workload, const std::string& group) {
  return group == group_of(workload) ||
         (group == group_of_sleep_and_mixed && (workload == "sleep" || workload == "mixed"));
}

}  // namespace

void tell(const std::vector<input_error>& errors) {
  for (const input_error& error : errors) {
    write_error_line(fmt::format("cannot read '{}': {}", error.path(), error.what()));
  }
}

workload_options::workload_options(CLI::App& app) : app_(&app) {
  add_choice(app, "--workload", workload_, {"compress", "mandelbrot", "sleep", "mixed"}, "What the tasks do");
  add_text(app, "--input", input_, "DIR", "Every regular file below it is a task; symbolic links are not followed")
      ->group(group_of_compress);
  add_number(app, "--level", level_, 1, static_cast<std::size_t>(ZSTD_maxCLevel()), "zstd's compression level")
      ->group(group_of_compress);
  add_number(app, "--size", size_, 1, 16'384, "Rows and columns of the image; a row is a task")
      ->group(group_of_mandelbrot);
  add_number(app, "--tasks", tasks_, 1, 1'000'000, "Number of tasks")->group(group_of_sleep_and_mixed);
  add_number(app, "--milliseconds", milliseconds_, 0, 60'000, "Duration of each task")
      ->group(group_of_sleep_and_mixed);
  add_number(app, "--waiting", waiting_, 0, 100, "Share of its time that a task waits, in per cent; else it computes")
      ->group(group_of_mixed);
}

void workload_options::refuse_options_of_others(const std::string& chosen) const {
  const std::array groups{group_of_compress, group_of_mandelbrot, group_of_sleep_and_mixed, group_of_mixed};
  for (const CLI::Option* option : app_->get_options()) {
    const std::string& group = option->get_group();
    const bool belongs_to_a_workload = std::find(groups.begin(), groups.end(), group) != groups.end();
    if (option->count() == 0 || !belongs_to_a_workload || owns(chosen, group)) continue;
    throw usage_error(chosen.empty()
                          ? fmt::format("{} belongs to a workload, and there is none with --command", option->get_name())
                          : fmt::format("{} is not an option of the workload {}", option->get_name(), chosen));
  }
}

workload_options::prepared workload_options::prepare(std::size_t concurrency, const std::stop_token& stop,
                                                     const std::vector<std::string>& no_input) const {
  refuse_options_of_others(workload_);
  const std::chrono::milliseconds duration(milliseconds_);
  if (workload_ == "mandelbrot") return {std::make_unique<mandelbrot_workload>(size_), {}};
  if (workload_ == "sleep") return {std::make_unique<sleep_workload>(tasks_, duration), {}};
  if (workload_ == "mixed") return {std::make_unique<mixed_workload>(tasks_, duration, waiting_), {}};
  return prepare_compress(concurrency, stop, no_input);
}

workload_options::prepared workload_options::prepare_compress(std::size_t concurrency,
                                                              const std::stop_token& stop,
                                                              const std::vector<std::string>& no_input) const try {
  file_list files = list_files(input_, stop);
  if (stop.stop_requested()) throw interruption();
  leave_out(files, no_input);
  auto errors = std::exchange(files.errors, {});
  if (files.paths.empty()) {
    tell(errors);
    throw usage_error(fmt::format("--input '{}' holds no regular files", short_line(input_)));
  }
  return {std::make_unique<compress_workload>(input_, std::move(files), static_cast<int>(level_), concurrency),
          std::move(errors)};
} catch (const input_error& error) {
  throw usage_error(fmt::format("--input '{}' cannot be listed: {}", short_line(error.path()), error.what()));
}

}  // namespace tool
