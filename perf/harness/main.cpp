// Runs the benchmarks of one question, `<workload>/<competitor>` each, in random order, and prints how fanout
// compares: the ratio of medians, beside the spread of each.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/chain.hpp"
#include "harness/defaults.hpp"

namespace {

double quantile_of(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

struct sample {
  std::vector<double> seconds;
  std::map<std::string, std::vector<double>> counters;

  double quantile(double q) const { return quantile_of(seconds, q); }
  double median() const { return quantile(0.5); }
  double spread_percent() const { return 50 * (quantile(0.75) - quantile(0.25)) / median(); }
};

/// Keeps the repetitions, and prints the ratios at the end in place of a line for each.
class ratio_reporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override {
    PrintBasicContext(&GetErrorStream(), context);
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) {
        std::printf("%s: %s\n", run.benchmark_name().c_str(), run.error_message.c_str());
        failed_ = true;
      } else if (run.run_type == Run::RT_Iteration) {
        const std::string& name = run.run_name.function_name;
        const std::size_t slash = name.find('/');
        sample& times = workload(name.substr(0, slash))[name.substr(slash + 1)];
        times.seconds.push_back(run.real_accumulated_time / static_cast<double>(run.iterations));
        for (const auto& [counter, value] : run.counters) {
          if (counter != "items_per_second") times.counters[counter].push_back(value);  // which the time says
        }
      }
    }
  }

  void Finalize() override {
    std::printf("%-25s %-23s %14s %9s %18s\n", "workload", "competitor", "median", "spread", "fanout / it");
    for (const auto& [name, competitors] : workloads_) {
      const auto fanout = competitors.find("fanout");
      for (const auto& [competitor, times] : competitors) {
        std::printf("%-25s %-23s %11.3f us %7.1f %%", name.c_str(), competitor.c_str(), 1e6 * times.median(),
                    times.spread_percent());
        if (fanout != competitors.end()) std::printf(" %18.3f", fanout->second.median() / times.median());
        for (const auto& [counter, values] : times.counters) {
          std::printf("  %s %.2f", counter.c_str(), quantile_of(values, 0.5));
        }
        std::printf("\n");
      }
    }
  }

  bool failed() const { return failed_; }

 private:
  using by_competitor = std::map<std::string, sample>;

  by_competitor& workload(const std::string& name) {
    for (auto& [known, competitors] : workloads_)
      if (known == name) return competitors;
    return workloads_.emplace_back(name, by_competitor{}).second;
  }

  std::vector<std::pair<std::string, by_competitor>> workloads_;
  bool failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  // Defaults that the command line may change: interleaved, or the noise of the machine would choose the winner.
  std::vector<std::string> arguments(argv, argv + argc);
  const perf::run_defaults& usual = perf::defaults();
  arguments.insert(arguments.begin() + 1, {"--benchmark_enable_random_interleaving=true",
                                           "--benchmark_repetitions=" + std::to_string(usual.repetitions),
                                           "--benchmark_min_time=" + std::to_string(usual.min_time)});
  std::vector<char*> pointers;
  for (std::string& each : arguments) pointers.push_back(each.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
  char per_link[32];
  std::snprintf(per_link, sizeof(per_link), "%.6f", perf::nanoseconds_per_link());
  benchmark::AddCustomContext("ns_per_link", per_link);  // for FANOUT_BENCH_NS_PER_LINK of another program
  ratio_reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return reporter.failed() ? 1 : 0;
}
