#include "baselines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <fanout/fanout.hpp>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>

#include "competitors/competitor.hpp"
#include "duration.hpp"
#include "exit_status.hpp"
#include "workloads/command.hpp"

namespace tool {
namespace {

using clock = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;

measured_baselines left_out(const std::string& because) {
  return {.results = std::nullopt, .left_out = "The hand-written schedulers were left out: " + because + "."};
}

/// Requests a stop at `end`, or as soon as `other` is requested.
class time_limit {
 public:
  time_limit(clock::time_point end, const std::stop_token& other)
      : on_other_(other, [this] { stop_.request_stop(); }), thread_([this, end](const std::stop_token& over) {
          std::unique_lock lock(mutex_);
          over_.wait_until(lock, over, end, [] { return false; });
          if (!over.stop_requested()) stop_.request_stop();
        }) {}

  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_other_;
  std::mutex mutex_;  // guards nothing: a condition variable needs one
  std::condition_variable_any over_;
  std::jthread thread_;
};

}  // namespace

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
    const time_limit limit(time.end, stop);
    return {.results = compare(tasks, make_competitors(report.recommended()),
                               {.repetitions = static_cast<std::size_t>(std::clamp(repetitions, 1.0, 15.0)),
                                .show_progress = show_progress,
                                .stop = limit.token(),
                                .end = time.end}),
            .left_out = {}};
  } catch (const interruption&) {
    return left_out(stop.stop_requested() ? "they were interrupted" : "they did not end within the budget");
  } catch (const command_refused& error) {
    return left_out(error.what());
  } catch (const std::system_error& error) {
    return left_out(error.what());
  } catch (const fanout::resource_error& error) {
    return left_out(error.what());
  }
}

}  // namespace tool
