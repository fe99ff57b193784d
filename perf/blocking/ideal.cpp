#include <algorithm>
#include <chrono>

#include "blocking/question.hpp"

namespace {

using seconds = std::chrono::duration<double>;

/// All computing, one task after the other, as long as it takes now.
seconds computing(const blocking::workload& work) {
  const long links = perf::links_in(work.compute);
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < work.tasks; ++i) {
    long end = perf::chain(static_cast<long>(i), links);
    asm volatile("" : "+r"(end));
  }
  return std::chrono::steady_clock::now() - start;
}

/// Either the cores are always busy, and then somebody waits; or all threads always have a task.
double ideal(const blocking::workload& work) {
  const seconds compute = computing(work);
  const seconds cores_busy = compute / static_cast<double>(fanout::available_concurrency()) + work.wait;
  const seconds threads_busy =
      (compute + static_cast<double>(work.tasks) * seconds(work.wait)) / static_cast<double>(work.concurrency);
  return std::max(cores_busy, threads_busy).count();
}

const bool entered = [] {
  for (const blocking::workload& work : blocking::workloads) {
    perf::measure_bound(work.name, "ideal", [&work] { return ideal(work); });
  }
  return true;
}();

}  // namespace
