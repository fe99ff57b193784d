#include <benchmark/benchmark.h>
#include <time.h>

#include <fanout/executor.hpp>
#include <fanout/map.hpp>
#include <fanout/submit.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <future>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "harness/defaults.hpp"
#include "harness/measure.hpp"
#include "harness/median.hpp"

/// The question: what does it cost to have a batch run beside its caller? Each workload is one batch from its beginning
/// until its results are there:
///
/// - `empty_2` and `empty_10000`: empty tasks, so the time is what fanout itself needs;
/// - `us_10000`: tasks of 1 µs;
/// - `empty_2_late`: the caller does something else for 20 µs between `submit` and `get`, which does not count if the
///   batch is over by then;
/// - `ms_2_woken`: two tasks of 1 ms of a core, on an executor of two, by a caller that was woken while such a batch of the
///   same executor was about to end. The mean, because the time has two modes: 1 ms, and 2 ms where the helper has no core.
///
/// The competitors: `fanout` and `fanout_on_executor` are `submit_map` and `get`; `fanout_blocking` is the plain call;
/// `std_async` has the plain call made by the thread of a `std::async`, which is how one does without handles.
namespace {

using clock = std::chrono::steady_clock;

struct blocking {
  static constexpr const char* name = "fanout_blocking";
  template <class Task>
  auto begin(std::size_t size, const Task& task) {
    return [results = fanout::map_in_parallel(size, task)]() mutable { return std::move(results); };
  }
};

struct submit {
  static constexpr const char* name = "fanout";
  template <class Task>
  auto begin(std::size_t size, const Task& task) {
    return [batch = fanout::submit_map(size, task)]() mutable { return batch.get(); };
  }
};

struct submit_on_executor {
  static constexpr const char* name = "fanout_on_executor";
  template <class Task>
  auto begin(std::size_t size, const Task& task) {
    return [batch = executor.submit_map(size, task)]() mutable { return batch.get(); };
  }
  fanout::executor executor{};
};

struct std_async {
  static constexpr const char* name = "std_async";
  template <class Task>
  auto begin(std::size_t size, const Task& task) {
    return [result = std::async(std::launch::async, [size, task] { return fanout::map_in_parallel(size, task); })]() mutable {
      return result.get();
    };
  }
};

void work_for(std::chrono::nanoseconds time) {
  for (const auto end = clock::now() + time; clock::now() < end;) {
  }
}

template <class Competitor>
void enter(const std::string& workload, std::size_t size, std::chrono::nanoseconds task, std::chrono::nanoseconds late) {
  const auto repetition = [=](benchmark::State& state) {
    Competitor competitor;
    const auto run_task = [task](std::size_t i) {
      if (task.count() != 0) work_for(task);
      return static_cast<long>(i);
    };
    std::vector<long> results;
    const auto time_of_one = [&] {
      const clock::time_point start = clock::now();
      auto batch = competitor.begin(size, run_task);
      const clock::time_point begun = clock::now();
      work_for(late);
      const clock::time_point asked = clock::now();
      results = batch();
      return std::chrono::duration<double>(begun - start + (clock::now() - asked)).count();
    };
    for (int i = 0; i != 20; ++i) time_of_one();
    for (auto _ : state) {
      std::vector<double> times;
      const clock::time_point end = clock::now() + std::chrono::milliseconds(20);
      do {
        times.push_back(time_of_one());
      } while (clock::now() < end);
      state.SetIterationTime(perf::median(times));
    }
    perf::check(state, results, [](std::size_t i) { return static_cast<long>(i); });
  };
  benchmark::RegisterBenchmark((workload + "/" + Competitor::name).c_str(), repetition)->UseManualTime()->Iterations(1);
}

void use_core_for(std::chrono::nanoseconds time) {
  const auto used = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  };
  for (const auto end = used() + time; used() < end;) {
  }
}

void enter_woken() {
  const auto repetition = [](benchmark::State& state) {
    const fanout::executor two({.concurrency = 2});
    const auto run_task = [](std::size_t i) {
      use_core_for(std::chrono::milliseconds(1));
      return static_cast<long>(i);
    };
    std::vector<long> results;
    const auto time_of_one = [&] {
      auto batch = two.submit_map(std::size_t{2}, run_task);
      while (!batch.ready()) std::this_thread::sleep_for(std::chrono::microseconds(50));
      static_cast<void>(batch.get());
      const clock::time_point start = clock::now();
      results = two.map(2, run_task);
      return std::chrono::duration<double>(clock::now() - start).count();
    };
    for (auto _ : state) {
      std::vector<double> times(perf::for_a_moment() ? 2 : 50);
      std::generate(times.begin(), times.end(), time_of_one);
      state.SetIterationTime(std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size()));
    }
    perf::check(state, results, [](std::size_t i) { return static_cast<long>(i); });
  };
  benchmark::RegisterBenchmark("ms_2_woken/fanout_named", repetition)->UseManualTime()->Iterations(1);
}

template <class... Competitors>
void enter_all() {
  using std::chrono::microseconds;
  using std::chrono::nanoseconds;
  (enter<Competitors>("empty_2", 2, nanoseconds(0), nanoseconds(0)), ...);
  (enter<Competitors>("empty_10000", 10'000, nanoseconds(0), nanoseconds(0)), ...);
  (enter<Competitors>("us_10000", 10'000, microseconds(1), nanoseconds(0)), ...);
  (enter<Competitors>("empty_2_late", 2, nanoseconds(0), microseconds(20)), ...);
}

const bool entered = [] {
  enter_all<blocking, submit, submit_on_executor, std_async>();
  enter_woken();
  return true;
}();

}  // namespace
