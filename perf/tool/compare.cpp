#include "compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include "exit_status.hpp"
#include "progress_bar.hpp"
#include "text_output.hpp"
#include "workloads/checksum.hpp"

namespace tool {
namespace {

using failed_tasks = std::map<std::size_t, input_error>;

/// A task's checksum, or that its input could not be read, which is equal to anything.
struct task_result {
  std::size_t index;
  std::uint64_t checksum;
  bool unreadable;
};

/// What the tasks could not read. They run on many threads.
class unreadable_tasks {
 public:
  void add(std::size_t index, const input_error& error) {
    const std::lock_guard lock(mutex_);
    failures_.emplace(index, error);
  }

  /// Requires that no task runs.
  const failed_tasks& all() const { return failures_; }

 private:
  std::mutex mutex_;  // guards the map while tasks run
  failed_tasks failures_;
};

/// The checksums of each competitor's latest run, or of its first one that was different.
class kept_checksums {
 public:
  explicit kept_checksums(std::size_t tasks) : tasks_(tasks) {}

  /// The competitor runs next.
  void begin_run(std::string_view competitor) {
    if (latest_ != nullptr) latest_->had_difference |= std::exchange(latest_->has_difference, false);
    latest_ = &records_[std::string(competitor)];
    latest_->checksums.resize(tasks_);
  }

  bool note(const task_result& expected, const task_result& result) {
    const bool equal = expected.unreadable || result.unreadable || expected.checksum == result.checksum;
    if (!latest_->had_difference) latest_->checksums[result.index] = result.checksum;
    latest_->has_difference |= !equal;
    return equal;
  }

  std::uint64_t combined(const std::string& competitor, const failed_tasks& failures) const {
    const std::vector<std::uint64_t>& checksums = records_.at(competitor).checksums;
    std::uint64_t sum = 0;
    for (std::size_t index = 0; index < checksums.size(); ++index) {
      if (!failures.contains(index)) sum = combine(sum, checksums[index]);
    }
    return sum;
  }

 private:
  struct record {
    std::vector<std::uint64_t> checksums;
    bool has_difference = false;  // in the latest run
    bool had_difference = false;  // in an earlier one
  };

  std::size_t tasks_;
  std::map<std::string, record> records_;
  record* latest_ = nullptr;
};

competitor_result result_of(const fanout::comparison_row& row, const kept_checksums& checksums,
                            const failed_tasks& failures) {
  competitor_result result{.name = row.scheduler,
                           .seconds = summarise(row.seconds),
                           .low_seconds = row.low_seconds,
                           .high_seconds = row.high_seconds,
                           .checksum = checksums.combined(row.scheduler, failures),
                           .first_difference = {}};
  const auto first = std::find_if(row.differences.begin(), row.differences.end(),
                                  [&](std::size_t index) { return !failures.contains(index); });
  if (first != row.differences.end()) result.first_difference = *first;
  return result;
}

}  // namespace

bool comparison::checksums_equal() const {
  return std::all_of(rows.begin(), rows.end(), [](const auto& row) { return row.checksum_equal(); });
}

comparison compare(const workload& tasks, std::vector<fanout::comparison_scheduler> schedulers,
                   const compare_options& options) try {
  const std::size_t count = tasks.task_count();
  progress_bar progress(options.show_progress, (options.repetitions + 1) * schedulers.size() * count);
  unreadable_tasks unreadable;
  kept_checksums checksums(count);
  const auto run_task = [&](std::size_t index, const std::stop_token& stop) -> task_result {
    struct ended_notice {
      progress_bar& bar;
      ~ended_notice() { bar.advance(); }
    } const notice{progress};
    try {
      return {index, tasks.run(index, stop), false};
    } catch (const input_error& error) {
      unreadable.add(index, error);
      return {index, 0, true};
    }
  };
  const auto on_progress = [&](const fanout::comparison_progress& now) {
    progress.describe(now.scheduler);
    checksums.begin_run(now.scheduler);
  };
  fanout::comparison_report report =
      fanout::compare(count, run_task,
                      {.concurrency = {options.concurrency},
                       .baselines = std::move(schedulers),
                       .repetitions = options.repetitions,
                       .budget = options.budget,
                       .stop = options.stop,
                       .on_progress = on_progress,
                       .workload = valid_utf8(fmt::format("{}: {}", tasks.name(), short_line(tasks.summary()))),
                       .stop_at_difference = false},
                      [&](const task_result& expected, const task_result& result) {
                        return checksums.note(expected, result);
                      });

  comparison result;
  result.tasks = count;
  result.completed = count - unreadable.all().size();
  result.repetitions = report.rows().front().seconds.size();
  result.complete = report.complete();
  for (const fanout::comparison_row& row : report.rows()) {
    result.rows.push_back(result_of(row, checksums, unreadable.all()));
  }
  for (const auto& [index, error] : unreadable.all()) result.errors.push_back(error);
  result.report = std::move(report);
  return result;
} catch (const fanout::task_error& error) {
  error.rethrow_nested();  // which names its line or file itself
} catch (const fanout::operation_cancelled&) {
  throw interruption();
}

}  // namespace tool
