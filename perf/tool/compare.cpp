#include "compare.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <utility>

#include "exit_status.hpp"
#include "progress_bar.hpp"
#include "workloads/checksum.hpp"

namespace tool {
namespace {

using failed_tasks = std::map<std::size_t, input_error>;

/// What is known of one competitor while the measurements go on.
struct record {
  std::vector<double> seconds;
  std::vector<std::uint64_t> checksums;  // of the latest run, or of the first one that was different
  std::set<std::size_t> differences;     // tasks whose checksum was not the expected one in some run
};

/// Keeps a failure that only means unreadable input, throws any other.
void note_failure(std::size_t index, const std::exception_ptr& failure, failed_tasks& failures) {
  try {
    std::rethrow_exception(failure);
  } catch (const input_error& error) {
    failures.emplace(index, error);
  }
}

void note_outcomes(const std::vector<task_outcome>& outcomes, const std::vector<std::uint64_t>& expected,
                   record& competitor, failed_tasks& failures) {
  const bool was_equal = competitor.differences.empty();
  if (was_equal) competitor.checksums.assign(outcomes.size(), 0);
  for (std::size_t index = 0; index < outcomes.size(); ++index) {
    if (outcomes[index].failure) {
      note_failure(index, outcomes[index].failure, failures);
      continue;
    }
    if (was_equal) competitor.checksums[index] = outcomes[index].checksum;
    if (outcomes[index].checksum != expected[index]) competitor.differences.insert(index);
  }
}

std::vector<std::uint64_t> checksums_of(const std::vector<task_outcome>& outcomes) {
  std::vector<std::uint64_t> checksums;
  checksums.reserve(outcomes.size());
  for (const task_outcome& outcome : outcomes) checksums.push_back(outcome.checksum);
  return checksums;
}

competitor_result result_of(std::string_view name, const record& competitor, const failed_tasks& failures) {
  competitor_result result;
  result.name = name;
  result.seconds = summarise(competitor.seconds);
  for (std::size_t index = 0; index < competitor.checksums.size(); ++index) {
    if (!failures.contains(index)) result.checksum = combine(result.checksum, competitor.checksums[index]);
  }
  const auto& differences = competitor.differences;
  const auto first =
      std::find_if(differences.begin(), differences.end(), [&](auto index) { return !failures.contains(index); });
  if (first != differences.end()) result.first_difference = *first;
  return result;
}

struct timed_run {
  double seconds;
  std::vector<task_outcome> outcomes;
};

timed_run run_once(competitor& runner, const task_batch& batch) {
  const auto start = std::chrono::steady_clock::now();
  auto outcomes = runner.run(batch);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  if (batch.stop().stop_requested()) throw interruption();
  return {elapsed.count(), std::move(outcomes)};
}

}  // namespace

bool comparison::checksums_equal() const {
  return std::all_of(rows.begin(), rows.end(), [](const auto& row) { return row.checksum_equal(); });
}

comparison compare(const workload& tasks, std::span<const std::unique_ptr<competitor>> competitors,
                   const compare_options& options) {
  const std::size_t runs = (options.repetitions + 1) * competitors.size();
  progress_bar progress(options.show_progress, runs * tasks.task_count());
  const task_batch batch(tasks, options.stop, [&progress] { progress.advance(); });

  std::vector<record> records(competitors.size());
  std::vector<std::uint64_t> expected;
  failed_tasks failures;
  std::vector<std::size_t> order(competitors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 shuffle_source(1);  // NOLINT(cert-msc51-cpp): every call measures in the same order

  using clock = std::chrono::steady_clock;
  clock::duration longest(0);
  std::size_t repetition = 0;
  for (; repetition <= options.repetitions; ++repetition) {
    const auto start = clock::now();
    if (repetition > 1 && longest > options.end - start) break;
    const bool warms_up = repetition == 0;
    if (!warms_up) std::shuffle(order.begin(), order.end(), shuffle_source);
    for (const std::size_t who : order) {
      progress.describe(competitors[who]->name());
      const timed_run run = run_once(*competitors[who], batch);
      if (expected.empty()) expected = checksums_of(run.outcomes);
      if (!warms_up) records[who].seconds.push_back(run.seconds);
      note_outcomes(run.outcomes, expected, records[who], failures);
    }
    longest = std::max(longest, clock::now() - start);
  }

  comparison result;
  result.tasks = tasks.task_count();
  result.completed = result.tasks - failures.size();
  result.repetitions = repetition - 1;
  for (std::size_t who = 0; who < competitors.size(); ++who) {
    result.rows.push_back(result_of(competitors[who]->name(), records[who], failures));
  }
  for (const auto& [index, error] : failures) result.errors.push_back(error);
  return result;
}

}  // namespace tool
