#include "compare_command.hpp"

#include <fmt/format.h>

#include <fanout/fanout.hpp>
#include <utility>

#include "compare.hpp"
#include "interrupt.hpp"
#include "progress_bar.hpp"
#include "report.hpp"
#include "text_output.hpp"

namespace tool {
namespace {

constexpr const char* description = "Compare fanout with schedulers written with std::thread";

constexpr const char* footer =
    "Runs one workload on each competitor at the same concurrency:\n"
    "  serial         one task after the other on one thread\n"
    "  fanout         fanout::executor\n"
    "  thread-rounds  a std::thread for each task, in rounds with a barrier between them\n"
    "  thread-pool    a fixed pool of std::threads with a mutex, a condition variable and a queue\n"
    "With --stream, tasks are read one by one and their results taken in order, with no more than --ahead tasks\n"
    "on the way, and the competitors are:\n"
    "  serial         as above\n"
    "  fanout         fanout::executor::stream\n"
    "  tbb-pipeline   tbb::parallel_pipeline, with no more threads than there are cores\n"
    "  thread-queue   std::threads with a mutex, condition variables and a bounded ring\n"
    "Threads that wait for work are made before the clock starts, except those of thread-queue. The competitors take turns, in an order that\n"
    "changes with every repetition; one more repetition, before those that count, warms up.\n\n"
    "Examples:\n"
    "  fanout compare\n"
    "  fanout compare --input /usr/include --level 9\n"
    "  fanout compare --workload sleep --concurrency 16 --format csv\n"
    "  fanout compare --workload compress --stream --ahead 64\n\n"
    "Of an option that is given twice, the last value counts.\n\n"
    "Exit codes:\n"
    "  0    all competitors produced the same results\n"
    "  1    results differ, some input could not be read (the rest was compared), or something else failed\n"
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
      concurrency_(fanout::available_concurrency()) {
  add_number(*app_, "--concurrency", concurrency_, 1, fanout::max_concurrency(), "Tasks in flight at once");
  add_number(*app_, "--repetitions", repetitions_, 1, 10'000, "Measurements of each competitor");
  app_->add_flag("--stream", stream_, "Take the tasks as a stream, with a bounded number on the way")
      ->disable_flag_override();
  ahead_option_ = add_number(*app_, "--ahead", ahead_, 0, 1U << 20U,
                             "Tasks on the way at once in a stream; 0 is twice the concurrency");
  add_choice(*app_, "--format", format_, {"table", "csv", "json"}, "How the result is written");
  app_->add_flag("--no-progress", no_progress_, "No progress bar, even if standard error is a terminal")
      ->disable_flag_override();
  app_->footer(footer);
}

exit_status compare_command::run() const {
  if (ahead_option_->count() != 0 && !stream_) throw usage_error("--ahead is for --stream, which is not given");
  require_stdout();
  const interrupt_watcher interrupts;
  const auto [tasks, listing_errors] = workload_.prepare(concurrency_, interrupts.token());
  const std::size_t ahead = !stream_ ? 0 : ahead_ != 0 ? ahead_ : 2 * concurrency_;
  const auto competitors = stream_ ? make_stream_competitors(concurrency_, ahead) : make_competitors(concurrency_);
  comparison result = compare(*tasks, competitors,
                              {.repetitions = repetitions_,
                               .show_progress = !no_progress_ && terminal_shows_progress(),
                               .stop = interrupts.token()});

  tell_errors(listing_errors, result);
  result.errors.insert(result.errors.begin(), listing_errors.begin(), listing_errors.end());
  const report_context context{.tasks = *tasks,
                               .cores = fanout::available_concurrency(),
                               .concurrency = concurrency_,
                               .ahead = ahead,
                               .compiler = compiler_description()};
  write_to_stdout(format_report(result, context, format_named(format_)));
  return result.checksums_equal() && result.errors.empty() ? succeeded : failed;
}

}  // namespace tool
