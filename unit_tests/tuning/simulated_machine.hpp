#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "fanout/error.hpp"
#include "tuning/random.hpp"
#include "tuning/sweep.hpp"

/// A machine for the sweep whose times are a formula and whose clock goes as the runs say: no test waits.
namespace support {

class tuning_machine {
 public:
  using formula = std::function<double(std::size_t concurrency)>;

  /// `noise`: by how much a run differs from the formula at most, as a share.
  explicit tuning_machine(formula seconds, double noise = 0.01) : seconds_(std::move(seconds)), noise_(noise) {}

  /// The machine cannot give the threads from this size on.
  std::size_t refuses_from = 1000;
  /// Of the run with this number, from 0, the workload throws what this throws.
  std::map<std::size_t, std::function<void()>> during{};
  /// How much longer the very first run takes.
  double cold_start = 0;
  /// How many tasks a run has, one after the other; 0 if the machine cannot stop a run.
  std::size_t tasks = 0;
  /// Of the time of each thread, which it waits for a core; none if the system does not report it.
  std::optional<double> core_wait = 0;
  /// Adds to the clock, as a slow callback does.
  void wait(double seconds) { now_ += seconds; }

  fanout::detail::sweep_ground ground() {
    return {.prepare = [this](std::size_t concurrency) { prepare(concurrency); },
            .warm_up = [this](std::chrono::nanoseconds limit) { return warm_up(limit); },
            .run = [this] { return run(); },
            .elapsed = [this] { return elapsed(); }};
  }

  const std::vector<std::size_t>& order() const { return order_; }
  double now() const { return now_; }

 private:
  void prepare(std::size_t concurrency) {
    if (concurrency >= refuses_from) throw fanout::resource_error(concurrency, refuses_from - 1);
    prepared_ = concurrency;
  }

  fanout::detail::warm_up_figures warm_up(std::chrono::nanoseconds limit) {
    const double started = now_;
    const double took = run().seconds;
    const double most = std::chrono::duration<double>(limit).count();
    if (tasks == 0 || took <= most) return {.seconds = took};
    now_ = started + most;
    const auto number = static_cast<double>(tasks);
    return {.seconds = most, .share = std::floor(number * most / took) / number};
  }

  fanout::detail::run_figures run() {
    const std::size_t number = order_.size();
    order_.push_back(prepared_);
    if (const auto event = during.find(number); event != during.end()) event->second();
    const double share = static_cast<double>(random_.below(2'000'001)) / 1e6 - 1;  // -1 … 1
    const double took = seconds_(prepared_) * (1 + noise_ * share) + (number == 0 ? cold_start : 0);
    now_ += took;
    fanout::detail::run_figures figures{
        .seconds = took, .cpu_seconds = took, .voluntary_switches = 3, .peak_memory_bytes = 1024 * prepared_};
    if (core_wait) figures.core_wait_seconds = *core_wait * took * static_cast<double>(prepared_);
    return figures;
  }

  std::chrono::nanoseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(now_));
  }

  formula seconds_;
  double noise_;
  fanout::detail::random_numbers random_{7};
  std::size_t prepared_ = 0;
  double now_ = 0;
  std::vector<std::size_t> order_;
};

using sizes = std::vector<std::size_t>;

/// A plan to measure these sizes and no others.
inline fanout::detail::sweep_plan named_sizes(sizes which) {
  return {.sizes = std::move(which), .named = true, .available = 2, .most = 257};
}

inline sizes sizes_of(const fanout::detail::sweep_result& result) {
  sizes all;
  for (const auto& size : result.sizes) all.push_back(size.concurrency);
  return all;
}

/// `seconds` of work that up to `cores` threads share.
inline tuning_machine::formula perfect_up_to(std::size_t cores, double seconds = 1) {
  return [=](std::size_t concurrency) { return seconds / static_cast<double>(std::min(concurrency, cores)); };
}

}  // namespace support
