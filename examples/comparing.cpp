// Is fanout faster than the scheduler that a program has? Measured with the program's own tasks.
#include <fanout/tuning_comparison.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

namespace {

/// A task of the program.
std::uint64_t hash_of(std::uint64_t seed) {
  std::uint64_t hash = seed;
  for (int i = 0; i != 100'000; ++i) hash = (hash ^ (hash >> 31)) * 1099511628211u + 1;
  return hash;
}

/// The scheduler of the program: each thread has a fixed share of the tasks.
class own_threads {
 public:
  explicit own_threads(std::size_t count) : count_(count) {}

  template <class F>
  void parallel_for(std::size_t size, const F& f) const {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t != count_; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = t; i < size; i += count_) f(i);
      });
    }
  }

 private:
  std::size_t count_;
};

int run() {
  const std::vector<std::uint64_t> seeds(64, 17);

  const fanout::comparison_scheduler ours("our threads", [](std::size_t concurrency) {
    return [pool = std::make_unique<own_threads>(concurrency)](const fanout::compared_run& tasks) {
      pool->parallel_for(tasks.size(), tasks);
    };
  });
  const fanout::comparison_report report = fanout::compare(
      seeds, hash_of, {.concurrency = {1, 2}, .schedulers = {ours}, .repetitions = 5, .workload = "hashes"});
  std::fputs(report.to_table().c_str(), stdout);

  const double ratio = report.find("fanout", 2)->median_seconds / report.find("our threads", 2)->median_seconds;
  std::printf("fanout takes %.2f of the time of our threads\n", ratio);
  return report.equal() && report.rows().size() == 14 ? 0 : 1;
}

}  // namespace

int main() try {
  return run();
} catch (const fanout::comparison_error& e) {
  std::fprintf(stderr, "%s\n", e.what());  // which scheduler, and which task
  return 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
