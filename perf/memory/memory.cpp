#include <benchmark/benchmark.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <numeric>
#include <optional>

#include "memory/question.hpp"

namespace memory {
namespace {

/// A line of /proc/self/status, in bytes.
double status(const std::string& key) {
  std::ifstream file("/proc/self/status");
  std::string word;
  while (file >> word) {
    double kib = 0;
    if (word == key + ":" && file >> kib) return 1024 * kib;
  }
  return -1;
}

/// What the peak of this process is above where it stands now; negative where something failed.
double peak_of(const std::function<map_ints()>& make, std::size_t size) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);  // a huge page counts as used when a byte of its 2 MiB is
  std::vector<int> items(size);
  std::iota(items.begin(), items.end(), 0);
  const map_ints map = make();
  if (map(std::vector<int>(1'000, 1)) != std::vector<int>(1'000, compute(1))) return -1;

  if (status("VmHWM") < 0) return -2;  // also so that what reading takes is there before

  // The peak so far becomes what is there now.
  if (!(std::ofstream("/proc/self/clear_refs") << "5\n").flush()) return -2;
  const double before = status("VmRSS");
  const std::vector<int> results = map(items);
  const double peak = status("VmHWM");

  if (results.size() != size || before < 0 || peak < 0) return -1;
  for (std::size_t i = 0; i != size; ++i)
    if (results[i] != compute(items[i])) return -1;
  return peak - before;
}

/// The same in a process of its own. This one has never had a second thread, so that a fork of it can do everything.
double peak_in_child(const std::function<map_ints()>& make, std::size_t size) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return -3;
  const pid_t child = fork();
  if (child == 0) {
    const double peak = peak_of(make, size);
    const bool told = write(ends[1], &peak, sizeof peak) == sizeof peak;
    _exit(told ? 0 : 1);
  }
  close(ends[1]);
  double peak = -3;
  if (child < 0 || read(ends[0], &peak, sizeof peak) != sizeof peak) peak = -3;
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  return peak;
}

void measure(benchmark::State& state, const std::function<map_ints()>& make, std::size_t size) {
  const double tasks = static_cast<double>(size);
  for (auto _ : state) {
    const double peak = peak_in_child(make, size);
    if (peak == -1) return state.SkipWithError("wrong results");
    if (peak < 0) return state.SkipWithError("the system does not tell, or gives no process");
    state.SetIterationTime(1e-6 * peak / tasks);
    state.counters["bytes_a_task"] = peak / tasks;
    state.counters["KiB_beyond_results"] = (peak - tasks * sizeof(int)) / 1024;
  }
}

std::string in_words(std::size_t size) {
  return size < million ? std::to_string(size / 1'000) + "k" : std::to_string(size / million) + "M";
}

}  // namespace

void enter(const std::string& name, const std::function<map_ints()>& make, std::size_t largest) {
  for (const std::size_t size : sizes) {
    if (size > largest) continue;
    benchmark::RegisterBenchmark((in_words(size) + "/" + name).c_str(),
                                 [make, size](benchmark::State& state) { measure(state, make, size); })
        ->UseManualTime()
        ->Iterations(1);
  }
}

}  // namespace memory
