#pragma once

#include <cstddef>
#include <functional>
#include <vector>

/// The question: what does running a task cost, over the task itself? The tasks are `std::function<long()>` that
/// return their index, after a chain of multiplications that takes about the time that the workload is named for.
namespace overhead {

struct workload {
  const char* name;
  std::size_t tasks;
  long multiplications;  // a dependent chain: some 2 ns each
};

inline constexpr workload workloads[] = {
    {"empty", 200'000, 0}, {"20ns", 200'000, 10}, {"200ns", 50'000, 100}, {"2us", 10'000, 1'000}, {"small_batch", 16, 0},
};

inline long compute(long seed, long multiplications) {
  for (long i = 0; i < multiplications; ++i) {
    seed = static_cast<long>(static_cast<unsigned long>(seed) * 6364136223846793005UL + 1442695040888963407UL);
    asm volatile("" : "+r"(seed));  // keeps the chain, costs nothing
  }
  return seed;
}

inline std::vector<std::function<long()>> make_tasks(const workload& work) {
  std::vector<std::function<long()>> tasks;
  tasks.reserve(work.tasks);
  for (std::size_t i = 0; i < work.tasks; ++i) {
    tasks.emplace_back([seed = static_cast<long>(i), times = work.multiplications] { return compute(seed, times); });
  }
  return tasks;
}

inline long checksum(const std::vector<long>& results) {
  long sum = 0;
  for (std::size_t i = 0; i < results.size(); ++i) sum += results[i] ^ static_cast<long>(i);
  return sum;
}

/// What a competitor is: it runs the tasks and returns their results in order. Called after its set-up.
using competitor = std::function<std::vector<long>(std::vector<std::function<long()>>& tasks)>;

/// Registers a competitor for every workload.
void enter(const char* name, const competitor& runs);

}  // namespace overhead
