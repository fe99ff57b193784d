#include "compare_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <exception>
#include <fanout/fanout.hpp>
#include <optional>
#include <stdexcept>
#include <utility>

#include "baselines.hpp"
#include "interrupt.hpp"
#include "progress_bar.hpp"
#include "scheduler_list.hpp"
#include "stream_schedulers.hpp"
#include "text_output.hpp"
#include "written_files.hpp"

namespace tool {
namespace {

constexpr const char* description = "Compare fanout with schedulers written with std::thread";

constexpr const char* footer =
    "Runs one workload on each competitor at the same concurrency:\n"
    "  serial         one task after the other on one thread\n"
    "  fanout         fanout::executor\n"
    "  thread-rounds  a std::thread for each task, in rounds with a barrier between them\n"
    "  thread-pool    a fixed pool of std::threads with a mutex, a condition variable and a queue\n"
    "--schedulers names others and their order: the first one gives the expected results. In addition, there are\n"
    "  async          std::async for each task, in rounds\n"
    "  task-arena     tbb::parallel_for in a tbb::task_arena, with no more threads than there are cores\n"
    "With --stream, tasks are read one by one and their results taken in order, with no more than --ahead tasks\n"
    "on the way, and the competitors are:\n"
    "  serial         as above\n"
    "  fanout         fanout::executor::stream\n"
    "  tbb-pipeline   tbb::parallel_pipeline, with no more threads than there are cores\n"
    "  thread-queue   std::threads with a mutex, condition variables and a bounded ring\n"
    "Threads that wait for work are made before the clock starts, except those of thread-queue. The competitors take\n"
    "turns, in an order that changes with every repetition; one more repetition, before those that count, warms up.\n\n"
    "For work that is not C++, --command runs a command for each line of --input-list, as fanout tune does: see\n"
    "fanout tune --help. What a command writes to standard output must be the same in each run, unless --output says\n"
    "that it does not go into a pipe. Each command runs several times, so it must not mind its earlier results:\n"
    "zstd -q -f {}. A command that fails ends the comparison. A command with {threads} is for fanout tune.\n\n"
    "--csv, --json and --page write files in addition to standard output. The page needs no network. After Ctrl-C,\n"
    "the result is of the repetitions that are over; the second Ctrl-C ends the tool at once.\n\n"
    "Examples:\n"
    "  fanout compare\n"
    "  fanout compare --input /usr/include --level 9\n"
    "  fanout compare --workload sleep --concurrency 16 --format csv\n"
    "  fanout compare --workload compress --stream --ahead 64\n"
    "  find . -name '*.log' | fanout compare --command 'zstd -q -c {}' --input-list - --page report.html\n"
    "  fanout compare --command 'grep -c error {}' --input-list files --schedulers serial,fanout,async\n\n"
    "Of an option that is given twice, the last value counts.\n\n"
    "Exit codes:\n"
    "  0    all competitors produced the same results\n"
    "  1    results differ, some input could not be read (the rest was compared), a command failed, a file or\n"
    "       standard output could not be written, or something else failed\n"
    "  2    the arguments cannot be used; nothing ran\n"
    "  130  interrupted by Ctrl-C, as a shell reports it";

std::string compiler_description() {
#ifdef __OPTIMIZE__
  return FANOUT_COMPILER;
#else
  return FANOUT_COMPILER " (not optimised)";
#endif
}

report_format format_named(const std::string& name) {
  if (name == "csv") return report_format::csv;
  if (name == "json") return report_format::json;
  return report_format::table;
}

void tell_errors(const std::vector<input_error>& listing_errors, const comparison& result) {
  tell(listing_errors);
  tell(result.errors);
  if (const std::size_t count = listing_errors.size(); count > 0) {
    write_error_line(fmt::format("{} {} could not be looked at", count,
                                 count == 1 ? "directory or entry" : "directories or entries"));
  }
  if (!result.errors.empty()) {
    write_error_line(fmt::format("{} of {} files could not be read", result.errors.size(), result.tasks));
  }
}

}  // namespace

compare_command::compare_command(CLI::App& program)
    : app_(program.add_subcommand("compare", description)),
      workload_(*app_),
      commands_(*app_),
      concurrency_(fanout::available_concurrency()) {
  add_number(*app_, "--concurrency", concurrency_, 1, fanout::max_concurrency(), "Tasks in flight at once");
  add_number(*app_, "--repetitions", repetitions_, 1, 10'000, "Measurements of each competitor");
  app_->add_flag("--stream", stream_, "Take the tasks as a stream, with a bounded number on the way")
      ->disable_flag_override();
  ahead_option_ = add_number(*app_, "--ahead", ahead_, 0, 1U << 20U,
                             "Tasks on the way at once in a stream; 0 is twice the concurrency");
  app_->add_option("--schedulers", schedulers_,
                   "Competitors in their order (default: serial,fanout,thread-rounds,thread-pool)")
      ->type_name("LIST");
  add_choice(*app_, "--format", format_, {"table", "csv", "json"}, "How the result is written");
  app_->add_option("--csv", csv_, "Also write the result as CSV")->type_name("FILE");
  app_->add_option("--json", json_, "Also write the result as JSON")->type_name("FILE");
  app_->add_option("--page", page_, "Also draw the result as one page that needs no network")->type_name("FILE");
  app_->add_flag("--no-progress", no_progress_, "No progress bar, even if standard error is a terminal")
      ->disable_flag_override();
  app_->footer(footer);
}

exit_status compare_command::run() const {
  if (ahead_option_->count() != 0 && !stream_) throw usage_error("--ahead is for --stream, which is not given");
  const std::size_t ahead = !stream_ ? 0 : ahead_ != 0 ? ahead_ : 2 * concurrency_;
  std::vector<fanout::comparison_scheduler> schedulers = this->schedulers(ahead);
  const bool runs_commands = commands_.chosen();
  require_outputs(runs_commands);

  std::optional<process_groups> groups;
  workload_options::prepared prepared;
  if (runs_commands) {
    // Before signals are watched: their default actions end the tool while it waits for lines of the list.
    groups.emplace(concurrency_);
    prepared = prepare_command(*groups);
  }
  const interrupt_watcher interrupts(groups ? &*groups : nullptr);
  if (!runs_commands) prepared = workload_.prepare(concurrency_, interrupts.token());
  const workload& tasks = *prepared.tasks;
  require_outputs_are_no_input(tasks);
  comparison result = compare(tasks, std::move(schedulers),
                              {.concurrency = concurrency_,
                               .repetitions = repetitions_,
                               .show_progress = !no_progress_ && terminal_shows_progress(),
                               .stop = interrupts.token()});

  tell_errors(prepared.errors, result);
  result.errors.insert(result.errors.begin(), prepared.errors.begin(), prepared.errors.end());
  const bool written = write(result, {.tasks = tasks,
                                      .cores = fanout::available_concurrency(),
                                      .concurrency = concurrency_,
                                      .ahead = ahead,
                                      .compiler = compiler_description()});
  if (!result.complete) return interrupted;
  return written && result.checksums_equal() && result.errors.empty() ? succeeded : failed;
}

std::vector<fanout::comparison_scheduler> compare_command::schedulers(std::size_t ahead) const {
  if (app_->count("--schedulers") == 0) return stream_ ? stream_schedulers(ahead) : hand_written_schedulers();
  if (stream_) throw usage_error("--schedulers and --stream exclude each other");
  return parse_schedulers(schedulers_);
}

std::vector<named_file> compare_command::outputs() const {
  std::vector<named_file> files;
  if (app_->count("--csv") != 0) files.push_back({"--csv", csv_});
  if (app_->count("--json") != 0) files.push_back({"--json", json_});
  if (app_->count("--page") != 0) files.push_back({"--page", page_});
  return files;
}

void compare_command::require_outputs(bool runs_commands) const {
  std::vector<named_file> others = runs_commands ? commands_.files_read() : std::vector<named_file>();
  others.push_back({.option = "standard output", .descriptor = STDOUT_FILENO});
  others.push_back({.option = "standard error", .descriptor = STDERR_FILENO});
  try {
    require_different_files(others, outputs());
    for (const named_file& file : outputs()) require_writable(file.path);
  } catch (const std::runtime_error& error) {
    throw usage_error(error.what());
  }
  require_stdout();
}

void compare_command::require_outputs_are_no_input(const workload& tasks) const try {
  std::vector<named_file> inputs;
  for (const std::string& path : tasks.input_files()) inputs.push_back({"the input", path});
  require_different_files(inputs, outputs());
} catch (const std::runtime_error& error) {
  throw usage_error(error.what());
}

workload_options::prepared compare_command::prepare_command(process_groups& groups) const {
  if (app_->count("--workload") != 0) throw usage_error("--command and --workload exclude each other");
  workload_.refuse_options_of_others("");
  workload_options::prepared prepared = commands_.prepare(groups, /*checks_output=*/true);
  if (prepared.tasks->brings_threads()) {
    throw usage_error("a command with {threads} has threads of its own, which no scheduler here is for");
  }
  return prepared;
}

bool compare_command::write(const comparison& result, const report_context& context) const {
  bool written = true;
  const auto attempt = [&written](const auto& action) {
    try {
      action();
    } catch (const std::exception& error) {
      write_error_line(error.what());
      written = false;
    }
  };
  // Files first: nobody may be reading standard output any more.
  if (!csv_.empty()) attempt([&] { write_file(csv_, format_report(result, context, report_format::csv)); });
  if (!json_.empty()) attempt([&] { write_file(json_, format_report(result, context, report_format::json)); });
  if (!page_.empty()) attempt([&] { write_file(page_, result.report.value().to_page()); });
  attempt([&] { write_to_stdout(format_report(result, context, format_named(format_))); });
  return written;
}

}  // namespace tool
