// fanout and OpenMP in one program, in both directions, with no more threads at work than there are cores.

#include <fanout/fanout.hpp>

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <thread>
#include <vector>

// How many threads are at work at once, and the most there have been. For the check at the end.
std::atomic<int> at_work{0};
std::atomic<int> most_at_work{0};

struct worker {
  worker() {
    const int now = ++at_work;
    for (int seen = most_at_work; now > seen && !most_at_work.compare_exchange_weak(seen, now);) continue;
  }
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  ~worker() { --at_work; }
};

// A function of a library that uses OpenMP.
double sum_of(const std::vector<double>& values) {
  double sum = 0;
#pragma omp parallel reduction(+ : sum)
  {
    const worker here;
#pragma omp for
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[i];
  }
  return sum;
}

// The number of OpenMP threads for the parallel regions of the calling thread, while this exists.
class openmp_threads {
 public:
  explicit openmp_threads(std::size_t count) : before_(omp_get_max_threads()) {
    omp_set_num_threads(static_cast<int>(count));
  }
  openmp_threads(const openmp_threads&) = delete;
  openmp_threads& operator=(const openmp_threads&) = delete;
  ~openmp_threads() { omp_set_num_threads(before_); }

 private:
  const int before_;
};

// Tasks that call OpenMP: tasks in flight times threads of each are the cores.
std::vector<double> sums_of(const std::vector<std::vector<double>>& columns, std::size_t threads_of_each) {
  const std::size_t cores = fanout::available_concurrency();
  const std::size_t tasks = std::max<std::size_t>(cores / threads_of_each, 1);
  return fanout::map_in_parallel(
      columns,
      [&](const std::vector<double>& column) {
        const openmp_threads here(std::min(threads_of_each, cores));
        return sum_of(column);
      },
      tasks);
}

// A parallel region that calls fanout: one executor limits the batches of all threads of OpenMP together.
std::vector<int> squares_of_squares(int count) {
  std::vector<int> results(static_cast<std::size_t>(count));
  const fanout::executor shared({.concurrency = fanout::available_concurrency()});
#pragma omp parallel for
  for (int i = 0; i < count; ++i) {
    const std::vector<int> squares = shared.map(8, [](int j) {
      const worker here;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return j * j;
    });
    results[static_cast<std::size_t>(i)] = i * squares.back();
  }
  return results;
}

int main() {
  const std::vector<std::vector<double>> columns(32, std::vector<double>(100'000, 0.5));
  bool good = true;
  for (const std::size_t threads_of_each : {1U, 2U, 8U}) {
    for (const double sum : sums_of(columns, threads_of_each)) good = good && sum == 50'000;
  }
  std::printf("32 tasks that call OpenMP: at most %d threads at work\n", most_at_work.load());
  good = good && most_at_work <= static_cast<int>(fanout::available_concurrency());

  most_at_work = 0;
  good = good && squares_of_squares(20).back() == 19 * 49;
  std::printf("a loop of OpenMP that calls fanout: at most %d tasks in flight\n", most_at_work.load());
  good = good && most_at_work <= static_cast<int>(fanout::available_concurrency());
  return good ? 0 : 1;
}
