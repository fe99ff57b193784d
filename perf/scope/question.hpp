#pragma once

#include <benchmark/benchmark.h>

#include <barrier>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

/// The question: what does it cost to add a task to others that run already? `add_K` is the time of an add while K
/// threads add empty tasks at once: the time until all have added all of theirs, divided by the number of tasks.
/// `done_K` is the time until the last task has ended, divided likewise. `walk` is the time of a task that two other
/// tasks add, from the first until the last has ended.
///
/// All have as many threads for the tasks as there are cores, and the adding threads in addition. A competitor is
/// made anew for each repetition, which is not counted.
namespace scope_question {

using clock = std::chrono::steady_clock;

constexpr std::size_t tasks = 100'000;

struct times {
  double add;
  double done;
};

template <class Competitor>
times measure(std::size_t threads) {
  Competitor competitor;
  competitor.add([] {});
  std::barrier all_ready(static_cast<std::ptrdiff_t>(threads + 1));
  std::vector<std::jthread> adding;
  for (std::size_t i = 0; i != threads; ++i) {
    adding.emplace_back([&] {
      all_ready.arrive_and_wait();
      for (std::size_t j = 0; j != tasks / threads; ++j) competitor.add([] {});
    });
  }
  const clock::time_point start = clock::now();
  all_ready.arrive_and_wait();
  adding.clear();
  const std::chrono::duration<double> add = clock::now() - start;
  competitor.wait();
  const std::chrono::duration<double> done = clock::now() - start;
  return {add.count() / tasks, done.count() / tasks};
}

template <class Competitor>
void grow(Competitor& to, int depth) {
  if (depth == 0) return;
  for (int child = 0; child != 2; ++child) to.add([&to, depth] { grow(to, depth - 1); });
}

template <class Competitor>
double walk() {
  constexpr int depth = 15;
  Competitor competitor;
  competitor.add([] {});
  const clock::time_point start = clock::now();
  competitor.add([&] { grow(competitor, depth); });
  competitor.wait();
  const std::chrono::duration<double> whole = clock::now() - start;
  return whole.count() / ((std::size_t{2} << depth) - 1);
}

template <class Repetition>
void add(const std::string& workload, const char* competitor, Repetition repetition) {
  benchmark::RegisterBenchmark((workload + "/" + competitor).c_str(), repetition)->UseManualTime()->Iterations(1);
}

template <class Competitor>
void enter() {
  for (const std::size_t threads : {1U, 2U, 8U}) {
    add("add_" + std::to_string(threads), Competitor::name, [threads](benchmark::State& state) {
      for (auto _ : state) state.SetIterationTime(measure<Competitor>(threads).add);
    });
    add("done_" + std::to_string(threads), Competitor::name, [threads](benchmark::State& state) {
      for (auto _ : state) state.SetIterationTime(measure<Competitor>(threads).done);
    });
  }
  add("walk", Competitor::name, [](benchmark::State& state) {
    for (auto _ : state) state.SetIterationTime(walk<Competitor>());
  });
}

}  // namespace scope_question
