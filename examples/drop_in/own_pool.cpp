// A pool class written by hand, and the same class over fanout: equal results, and what changes where tasks wait for tasks.
// With the argument `measure` it compares what the two cost.
#include "own_pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t size = 4;

double work_of(std::size_t i) { return static_cast<double>(i * i % 1'009) / 7; }

/// What a program does with its pool, in all three shapes.
template <class Pool>
std::vector<double> results_of(Pool& pool) {
  std::vector<double> values(3'000);
  std::vector<std::future<double>> later;
  for (std::size_t i = 0; i != 1'000; ++i) later.push_back(pool.enqueue([i] { return work_of(i); }));
  pool.parallel_for(1'000, 2'000, [&](std::size_t i) { values[i] = work_of(i); });
  pool.run(1'000, [&](std::size_t i) { values[2'000 + i] = work_of(i); });
  for (std::size_t i = 0; i != 1'000; ++i) values[i] = later[i].get();
  return values;
}

/// The most tasks that were at work at once.
template <class Pool>
int most_at_once(Pool& pool) {
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  pool.run(40, [&](std::size_t) {
    const int mine = ++now;
    for (int seen = most; seen < mine && !most.compare_exchange_weak(seen, mine);) continue;
    std::this_thread::sleep_for(2ms);
    --now;
  });
  return most;
}

/// How many tasks wait in vain for a task of their own, when each thread of the pool has such a task. Without the limit
/// of time, they would wait forever.
int waits_in_vain() {
  before::thread_pool pool(2);
  std::latch all_threads(2);
  std::latch all_have_waited(2);
  std::atomic<int> in_vain = 0;
  pool.run(2, [&](std::size_t) {
    all_threads.arrive_and_wait();
    const auto inner = pool.enqueue([] {});
    if (inner.wait_for(100ms) == std::future_status::timeout) ++in_vain;
    all_have_waited.arrive_and_wait();
  });
  return in_vain;
}

/// The same over fanout, in the two ways that end.
bool nests() {
  after::thread_pool pool(2);
  std::latch all_threads(2);
  std::atomic<int> sum = 0;
  pool.run(2, [&](std::size_t) {
    all_threads.arrive_and_wait();
    pool.run(10, [&](std::size_t i) { sum += static_cast<int>(i); });
    sum += pool.start([] { return 5; }).get().front();
  });
  return sum == 2 * (45 + 5);
}

/// What a caller catches if a task throws.
bool tells_failures() {
  after::thread_pool pool(2);
  const auto fail = [](std::size_t i) {
    if (i == 3) throw std::runtime_error("no");
  };
  bool told_by_run = false;
  try {
    pool.run(10, fail);
  } catch (const fanout::task_error& e) {
    told_by_run = e.index() == 3;
  }
  auto later = pool.enqueue([&] { fail(3); });
  try {
    later.get();
  } catch (const std::runtime_error& e) {
    return told_by_run && std::string(e.what()) == "no";
  }
  return false;
}

// ── What it costs ──

template <class Call>
double microseconds(const Call& call) {
  const auto begin = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

template <class Call>
void compare(const char* what, before::thread_pool& by_hand, after::thread_pool& over_fanout, const Call& call) {
  std::vector<double> before_times;
  std::vector<double> after_times;
  for (int round = 0; round != 31; ++round) {
    before_times.push_back(microseconds([&] { call(by_hand); }));
    after_times.push_back(microseconds([&] { call(over_fanout); }));
  }
  const double by_hand_takes = median(before_times);
  const double fanout_takes = median(after_times);
  std::printf("%-34s %9.0f us %9.0f us  %5.2f\n", what, by_hand_takes, fanout_takes, fanout_takes / by_hand_takes);
}

void measure() {
  const std::size_t threads = fanout::available_concurrency();
  before::thread_pool by_hand(threads);
  after::thread_pool over_fanout(threads);
  std::vector<double> values(1'000'000);
  const auto fill = [&](std::size_t i) { values[i] = work_of(i); };
  std::printf("%zu threads, medians of 31%32s %12s  ratio\n", threads, "by hand", "over fanout");
  compare("run(10'000, f), f of nanoseconds", by_hand, over_fanout, [&](auto& pool) { pool.run(10'000, fill); });
  compare("parallel_for over 1'000'000", by_hand, over_fanout,
          [&](auto& pool) { pool.parallel_for(0, values.size(), fill); });
  compare("10'000 futures of enqueue", by_hand, over_fanout, [&](auto& pool) {
    std::vector<std::future<double>> all;
    for (std::size_t i = 0; i != 10'000; ++i) all.push_back(pool.enqueue([i] { return work_of(i); }));
    for (auto& each : all) each.get();
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "measure") {
    measure();
    return 0;
  }
  before::thread_pool by_hand(size);
  after::thread_pool over_fanout(size);
  const bool equal = results_of(by_hand) == results_of(over_fanout);
  const int most = most_at_once(over_fanout);
  const int in_vain = waits_in_vain();
  std::printf("equal results: %s; at most %d tasks at once, over fanout %d\n", equal ? "yes" : "no",
              most_at_once(by_hand), most);
  std::printf("tasks by hand that wait in vain for their own tasks: %d of 2\n", in_vain);
  return equal && most <= static_cast<int>(size) && in_vain == 2 && nests() && tells_failures() ? 0 : 1;
}
