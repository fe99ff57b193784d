#include "baselines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <fanout/fanout.hpp>
#include <utility>

#include "duration.hpp"
#include "exit_status.hpp"
#include "workloads/command.hpp"

namespace tool {
namespace {

using clock = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;
using namespace std::chrono_literals;

measured_baselines left_out(const std::string& because) {
  return {.results = std::nullopt, .left_out = "The hand-written schedulers were left out: " + because + "."};
}

}  // namespace

std::vector<fanout::comparison_scheduler> hand_written_schedulers() {
  using scheduler = fanout::comparison_scheduler;
  return {scheduler::serial(), scheduler::executor(), scheduler::thread_rounds(), scheduler::thread_pool()};
}

measured_baselines measure_baselines(const workload& tasks, const fanout::tuning_report& report,
                                     const baseline_time& time, bool show_progress, const std::stop_token& stop) {
  const fanout::tuning_row& first = report.rows().front();
  const seconds serial(first.median_seconds * static_cast<double>(first.concurrency));
  const seconds round = serial + 4 * seconds(report.recommended_row().median_seconds);
  const seconds left = std::max<clock::duration>(time.end - clock::now(), clock::duration(0));
  constexpr int least_rounds = 2;  // the first one warms up
  if (left < least_rounds * round) {
    const auto text = [](seconds each) {
      return duration_text(std::chrono::duration_cast<std::chrono::nanoseconds>(each));
    };
    return left_out(
        fmt::format("they take about {}, and {} of the budget was left", text(least_rounds * round), text(left)));
  }
  const double repetitions = std::min<seconds>(left, time.share) / round - 1;
  try {
    comparison results = compare(tasks, hand_written_schedulers(),
                                 {.concurrency = report.recommended(),
                                  .repetitions = static_cast<std::size_t>(std::clamp(repetitions, 1.0, 15.0)),
                                  .show_progress = show_progress,
                                  .stop = stop,
                                  .budget = std::max<std::chrono::nanoseconds>(time.end - clock::now(), 1ns)});
    if (!results.complete) throw interruption();
    return {.results = std::move(results), .left_out = {}};
  } catch (const interruption&) {
    return left_out("they were interrupted");
  } catch (const fanout::budget_error&) {
    return left_out("they did not end within the budget");
  } catch (const command_refused& error) {
    return left_out(error.what());
  } catch (const fanout::comparison_error& error) {
    return left_out(error.what());
  }
}

}  // namespace tool
