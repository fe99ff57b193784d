// The question: what do the engine's meetings of two cores cost? Not a comparison: these are the constants of the model
// in docs/performance.md, which says what they add up to on more cores than this machine has.
#include <benchmark/benchmark.h>

#include <fanout/executor.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <latch>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fanout/detail/chunk.hpp"
#include "harness/median.hpp"

namespace {

using clock_type = std::chrono::steady_clock;
using fanout::detail::chunk;

double seconds(clock_type::duration time) { return std::chrono::duration<double>(time).count(); }

/// One way of a cache line from core to core: two threads write it in turn. A claim from the cursor costs at least so much
/// where another core made the last one.
double line_transfer() {
  constexpr long times = 100'000;
  struct alignas(128) line {
    std::atomic<long> turn{0};
  } shared;
  std::jthread other([&shared] {
    for (long i = 0; i != times; ++i) {
      while (shared.turn.load(std::memory_order_acquire) != 2 * i + 1) {
      }
      shared.turn.store(2 * i + 2, std::memory_order_release);
    }
  });
  const auto begin = clock_type::now();
  for (long i = 0; i != times; ++i) {
    shared.turn.store(2 * i + 1, std::memory_order_release);
    while (shared.turn.load(std::memory_order_acquire) != 2 * i + 2) {
    }
  }
  return seconds(clock_type::now() - begin) / (2 * times);
}

/// A recall of half a chunk that another core wrote last, one of many that nobody can guess, with the heavy fence that it
/// takes while another thread runs. Both are at work all the time, so they are on two cores.
double steal() {
  struct alignas(128) line {
    chunk mine;
  };
  std::vector<line> lines(4'096);
  std::vector<std::size_t> order(lines.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::atomic<bool> opened{false};
  std::atomic<bool> over{false};
  const std::jthread owner([&] {
    std::size_t first = 0;
    for (line& each : lines) {
      each.mine.announce(false);
      each.mine.open({first, first + 100});
      first += 100;
    }
    opened.store(true, std::memory_order_release);
    while (!over.load(std::memory_order_relaxed)) {
    }
  });
  while (!opened.load(std::memory_order_acquire)) {
  }
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  std::size_t taken = 0;
  const auto begin = clock_type::now();
  for (const std::size_t each : order) taken += lines[each].mine.recall(false).size();
  const double took = seconds(clock_type::now() - begin) / static_cast<double>(lines.size());
  over.store(true, std::memory_order_relaxed);
  benchmark::DoNotOptimize(taken);
  return took;
}

/// From the call of a batch, when the reserves sleep, until the first of them runs a task.
double wake_up() {
  fanout::executor executor({.concurrency = 2});
  std::vector<double> took;
  for (int round = 0; round != 50; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    std::latch both(2);
    const auto begin = clock_type::now();
    executor.map(std::vector<int>{0, 1}, [&](int) { both.arrive_and_wait(); });
    took.push_back(seconds(clock_type::now() - begin));
  }
  return perf::median(took);
}

const bool entered = [] {
  const auto add = [](const char* name, double (*measured)()) {
    benchmark::RegisterBenchmark((std::string(name) + "/fanout").c_str(),
                                 [measured](benchmark::State& state) {
                                   for (auto _ : state) state.SetIterationTime(std::max(measured(), 0.0));
                                 })
        ->UseManualTime()
        ->Iterations(1);
  };
  add("line_transfer", line_transfer);
  add("steal", steal);
  add("wake_up", wake_up);
  return true;
}();

}  // namespace
