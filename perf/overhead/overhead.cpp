#include <benchmark/benchmark.h>

#include <string>

#include "overhead/workload.hpp"

namespace overhead {

void enter(const char* name, const competitor& runs) {
  for (const workload& work : workloads) {
    benchmark::RegisterBenchmark((std::string(work.name) + "/" + name).c_str(), [&work, runs](benchmark::State& state) {
      auto tasks = make_tasks(work);
      std::vector<long> expected;
      for (const auto& task : tasks) expected.push_back(task());
      std::vector<long> results;
      for (auto _ : state) results = runs(tasks);
      if (checksum(results) != checksum(expected)) state.SkipWithError("wrong results");
      state.SetItemsProcessed(state.iterations() * static_cast<long>(work.tasks));
    })->UseRealTime();
  }
}

}  // namespace overhead
