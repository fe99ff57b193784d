#include "tune_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <fanout/fanout.hpp>
#include <fanout/tuning.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "baselines.hpp"
#include "budget_advice.hpp"
#include "duration.hpp"
#include "interrupt.hpp"
#include "progress_bar.hpp"
#include "text_output.hpp"
#include "tune_output.hpp"
#include "tune_page.hpp"
#include "written_files.hpp"

namespace tool {
namespace {

constexpr const char* description = "Measure how many threads a workload is best run with";

constexpr const char* footer =
    "Runs the workload on executors of several sizes in turn until the medians are known well enough or the budget\n"
    "is spent, and recommends the smallest size that is as good as the best. The hand-written schedulers of\n"
    "fanout compare then run at that size, if the rest of the budget is enough for them.\n\n"
    "For work that is not C++, --command runs a command for each line of --input-list, `-` for standard input. The\n"
    "line takes the place of {}; empty lines are skipped. There is no shell unless --shell asks for one: blanks\n"
    "part the words, '…', \"…\" and backslashes quote as in a shell, nothing is expanded, and what a shell would\n"
    "not take literally is refused unless it is quoted. With --shell each {} becomes \"$1\", which holds the line,\n"
    "so leave out quotes of your own around it. A command that fails ends the measurement, and its line is named.\n\n"
    "A command with {threads} brings its own threads: the size takes the place of {threads}, one command runs at a\n"
    "time, and there are no hand-written schedulers. {{}} and {{threads}} stand for the texts {} and {threads}.\n\n"
    "Commands cannot use the terminal. Their standard output goes into a pipe that fanout reads, because grep, tar\n"
    "and others do less when it is /dev/null. With --output file it goes into a temporary file below TMPDIR.\n\n"
    "A budget that is too small is refused when it is spent at the latest, and the message names one that is\n"
    "accepted. Sizes for which there are no threads are left out. The reason that follows the table says that, and\n"
    "whether there were few tasks for each thread, or the machine was busy.\n\n"
    "Ctrl-C ends the measurement and writes what is known by then. Commands are killed with fanout, whatever ends\n"
    "it, also by SIGKILL. Processes that left the process group of their command may then remain.\n\n"
    "Examples:\n"
    "  fanout tune\n"
    "  fanout tune --workload mixed --waiting 75 --report report.html\n"
    "  find . -name '*.log' | fanout tune --command 'zstd -q -c {}' --input-list -\n"
    "  find . -name '*.log' -print0 | fanout tune --command 'grep -c error {}' --input-list - --null\n"
    "  echo big.tar | fanout tune --command 'zstd -q -c -T{threads} {}' --input-list - --sizes 1,2,4,8\n"
    "  fanout tune --shell --command 'sort {} | uniq | wc -l' --input-list files.txt --profile "
    "fanout-profile.json\n\n"
    "Of an option that is given twice, the last value counts.\n\n"
    "Exit codes:\n"
    "  0    there is a recommendation\n"
    "  1    a command failed, some input could not be read (the rest was measured), a file or standard output could\n"
    "       not be written in the end (the others were written), or something else failed\n"
    "  2    the arguments cannot be used, a file cannot be written (seen before anything ran), or the budget is too\n"
    "       small\n"
    "  130  interrupted by Ctrl-C, as a shell reports it";

std::vector<std::size_t> parse_sizes(const std::string& text) {
  if (std::count(text.begin(), text.end(), ',') >= 1024) throw usage_error("--sizes takes at most 1024 sizes");
  std::vector<std::size_t> sizes;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    sizes.push_back(parse_number("--sizes", rest.substr(0, comma), 1, fanout::max_concurrency()));
    if (comma == std::string_view::npos) return sizes;
    rest.remove_prefix(comma + 1);
  }
}

/// What the tasks of the measurement cannot read. They are many, and on many threads.
class unreadable_inputs {
 public:
  void add(std::size_t index, const input_error& error) {
    const std::lock_guard lock(mutex_);
    errors_.emplace(index, error);
  }

  std::vector<input_error> all() const {
    std::vector<input_error> ordered;
    for (const auto& [index, error] : errors_) ordered.push_back(error);
    return ordered;
  }

 private:
  std::mutex mutex_;
  std::map<std::size_t, input_error> errors_;
};

/// Measures, with a bar.
fanout::tuning_report measure(workload& tasks, const fanout::tuning_options& chosen, const given_budget& budget,
                              bool show_progress, unreadable_inputs& unreadable) {
  progress_bar bar(show_progress, 1'000);
  fanout::tuning_options options = chosen;
  std::map<std::size_t, std::uint64_t> peaks;
  std::size_t size = 0;
  options.on_progress = [&](const fanout::tuning_progress& progress) {
    if (const auto peak = tasks.take_peak_memory(); peak && size != 0) peaks[size] = std::max(peaks[size], *peak);
    size = progress.concurrency;
    tasks.use_threads(size);
    const auto whole = progress.elapsed + progress.remaining;
    if (whole.count() > 0) bar.reach(static_cast<std::size_t>(1'000 * progress.elapsed / whole));
    bar.describe(fmt::format("size {}{}, {} left", progress.concurrency, progress.warming_up ? " (warming up)" : "",
                             duration_text(progress.remaining)));
  };
  const auto run_task = [&](std::size_t index, const fanout::task_context& context) {
    try {
      tasks.run(index, context.stop_token());
    } catch (const input_error& error) {
      unreadable.add(index, error);
    }
  };
  const fanout::executor alone({.concurrency = 1});
  const auto run_one_by_one = [&](fanout::executor&) {
    alone.map(tasks.task_count(), run_task, {.stop = options.stop});
  };
  try {
    const fanout::tuning_report report = tasks.brings_threads() ? fanout::tune(run_one_by_one, options)
                                                                : fanout::tune(tasks.task_count(), run_task, options);
    return peaks.empty() ? report : with_peak_memory(report, peaks);
  } catch (const fanout::task_error& error) {
    error.rethrow_nested();  // which names its line or file itself
  } catch (const fanout::operation_cancelled&) {
    throw interruption();
  } catch (const fanout::budget_error& error) {
    throw usage_error(budget_advice(budget, error, tasks.task_count()));
  } catch (const fanout::resource_error& error) {
    if (options.sizes.empty()) throw;
    throw std::runtime_error(fmt::format("none of the --sizes can be measured: {}", error.what()));
  } catch (const std::invalid_argument& error) {
    throw usage_error(error.what());
  }
}

/// Tells an error instead of throwing it, so that the rest is still done. Returns whether there was none.
template <class F>
bool attempt(const F& action) {
  try {
    action();
    return true;
  } catch (const std::exception& error) {
    write_error_line(error.what());
    return false;
  }
}

}  // namespace

tune_command::tune_command(CLI::App& program)
    : app_(program.add_subcommand("tune", description)), workload_(*app_), commands_(*app_) {
  app_->add_option("--sizes", sizes_, "Sizes to compare, such as 1,2,4 (default: 1 to four times the cores)")
      ->type_name("LIST");
  add_text(*app_, "--budget", budget_, "TIME", "How long it may take, such as 500ms, 30s or 2m");
  add_choice(*app_, "--format", format_, {"table", "csv", "json"}, "How the result is written");
  app_->add_option("--report", report_, "Also draw the result as one page that needs no network")->type_name("FILE");
  app_->add_option("--profile", profile_, "Also add the recommendation to this profile")->type_name("FILE");
  app_->add_option("--name", name_, "Name of the workload in report and profile (default: that of the workload)")
      ->type_name("NAME");
  app_->add_flag("--no-baselines", no_baselines_, "Leave out the hand-written schedulers")->disable_flag_override();
  app_->add_flag("--no-progress", no_progress_, "No progress bar, even if standard error is a terminal")
      ->disable_flag_override();
  app_->footer(footer);
}

fanout::tuning_options tune_command::options() const {
  fanout::tuning_options options{.workload = workload_name()};
  if (!sizes_.empty()) options.sizes = parse_sizes(sizes_);
  options.budget = budget().for_sizes;
  return options;
}

given_budget tune_command::budget() const {
  const std::chrono::nanoseconds whole = parse_duration("--budget", budget_);
  return {.text = budget_, .whole = whole, .for_sizes = no_baselines_ ? whole : whole * 4 / 5};
}

exit_status tune_command::run(const std::string& command_line) const {
  fanout::tuning_options options = this->options();
  const bool show_progress = !no_progress_ && terminal_shows_progress();
  const bool runs_commands = commands_.chosen();
  require_outputs(runs_commands);

  std::optional<process_groups> groups;
  workload_options::prepared prepared;
  if (runs_commands) {
    // Before signals are watched: their default actions end the tool while it waits for lines of the list.
    groups.emplace(fanout::max_concurrency());
    prepared = prepare_command(*groups);
  }
  const interrupt_watcher interrupts(groups ? &*groups : nullptr);
  options.stop = interrupts.token();
  if (!runs_commands) prepared = workload_.prepare(fanout::max_concurrency(), interrupts.token(), earlier_outputs());
  workload& tasks = *prepared.tasks;
  require_report_is_no_input(tasks);
  unreadable_inputs unreadable;
  const given_budget budget = this->budget();
  const auto end = std::chrono::steady_clock::now() + budget.whole;
  tuned result{.report = measure(tasks, options, budget, show_progress, unreadable),
               .baselines = std::nullopt,
               .baselines_left_out = {},
               .summary = one_line(tasks.summary()),
               .memory_is_of_commands = runs_commands,
               .command_line = command_line};
  bool succeeded_so_far = true;
  if (!no_baselines_ && !tasks.brings_threads() && result.report.complete()) {
    succeeded_so_far = attempt([&] {
      measured_baselines measured =
          measure_baselines(tasks, result.report, {.end = end, .share = budget.whole - budget.for_sizes},
                            show_progress, interrupts.token());
      result.baselines = std::move(measured.results);
      result.baselines_left_out = std::move(measured.left_out);
    });
  }

  tell(prepared.errors);
  const std::vector<input_error> reading_errors = unreadable.all();
  tell(reading_errors);
  const bool interrupted_by_user = interrupts.token().stop_requested();
  // Files first: nobody may be reading standard output any more.
  if (!report_.empty()) succeeded_so_far &= attempt([&] { write_file(report_, tuning_page(result)); });
  if (!profile_.empty()) {
    succeeded_so_far &= attempt([&] {
      if (!result.report.complete()) {  // half a measurement is nothing to be kept
        throw std::runtime_error(fmt::format("nothing was added to the profile '{}': the measurement was interrupted",
                                             one_line(profile_)));
      }
      if (reading_errors.size() == tasks.task_count()) {
        throw std::runtime_error(fmt::format("no file could be read: the profile '{}' is not written", profile_));
      }
      fanout::add_to_profile(profile_, result.report);
    });
  }
  succeeded_so_far &= attempt([&] { write_to_stdout(format_tuned(result, format_)); });
  if (interrupted_by_user) return interrupted;
  return succeeded_so_far && prepared.errors.empty() && reading_errors.empty() ? succeeded : failed;
}

void tune_command::require_outputs(bool runs_commands) const {
  std::vector<named_file> others = runs_commands ? commands_.files_read() : std::vector<named_file>();
  others.push_back({.option = "standard output", .descriptor = STDOUT_FILENO});
  others.push_back({.option = "standard error", .descriptor = STDERR_FILENO});
  std::vector<named_file> written;
  if (app_->count("--report") != 0) written.push_back({"--report", report_});
  if (app_->count("--profile") != 0) written.push_back({"--profile", profile_});
  try {
    require_different_files(others, written);
    if (app_->count("--report") != 0) require_writable(report_);
    if (app_->count("--profile") != 0) require_usable_profile(profile_);
  } catch (const std::exception& error) {
    throw usage_error(error.what());
  }
  require_stdout();
}

std::vector<std::string> tune_command::earlier_outputs() const {
  std::vector<std::string> files;
  if (app_->count("--report") != 0 && is_tuning_page(report_)) files.push_back(report_);
  if (app_->count("--profile") != 0) files.push_back(profile_);
  return files;
}

void tune_command::require_report_is_no_input(const workload& tasks) const try {
  if (app_->count("--report") == 0) return;
  std::vector<named_file> inputs;
  for (const std::string& path : tasks.input_files()) inputs.push_back({"the input", path});
  require_different_files(inputs, {{"--report", report_}});
} catch (const std::runtime_error& error) {
  throw usage_error(error.what());
}

std::string tune_command::workload_name() const {
  if (app_->count("--name") != 0) {
    if (name_.empty() || name_.size() > 1024) throw usage_error("--name takes 1 to 1024 bytes");
    if (name_ != valid_utf8(name_)) throw usage_error(fmt::format("--name takes UTF-8, not '{}'", short_line(name_)));
    return name_;
  }
  return app_->count("--command") == 0 ? workload_.name() : "command";
}

workload_options::prepared tune_command::prepare_command(process_groups& groups) const {
  if (app_->count("--workload") != 0) throw usage_error("--command and --workload exclude each other");
  workload_.refuse_options_of_others("");
  return commands_.prepare(groups, /*checks_output=*/false);
}

}  // namespace tool
