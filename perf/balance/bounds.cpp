#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>
#include <queue>
#include <random>

#include "balance/question.hpp"

namespace balance {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Pareto with α = 1.1, cut off at a thousand times the shortest: most tasks are short, most of the work is in few.
std::vector<long> pareto(std::size_t tasks, std::chrono::nanoseconds total) {
  constexpr double alpha = 1.1;
  constexpr double longest = 1'000;
  std::mt19937_64 random(1);  // the standard says what it gives, but not what its distributions make of it
  std::vector<double> lengths;
  for (std::size_t i = 0; i < tasks; ++i) {
    const double uniform = std::ldexp(static_cast<double>(random() >> 11), -53);  // 0 … 1
    lengths.push_back(std::pow(1 - uniform * (1 - std::pow(longest, -alpha)), -1 / alpha));
  }
  const double scale =
      static_cast<double>(perf::links_in(total)) / std::accumulate(lengths.begin(), lengths.end(), 0.0);
  std::vector<long> links;
  for (const double length : lengths) links.push_back(std::max(1L, std::lround(length * scale)));
  return links;
}

std::vector<shape> make_shapes() {
  const std::size_t cores = fanout::available_concurrency();
  std::vector<shape> all;
  std::vector<long> links = pareto(2'000, milliseconds(50));
  all.push_back({"pareto", cores, links});
  std::sort(links.begin(), links.end());
  all.push_back({"pareto_ascending", cores, links});
  std::reverse(links.begin(), links.end());
  all.push_back({"pareto_descending", cores, links});

  links.assign(10'000, perf::links_in(microseconds(1)));
  links.insert(links.end(), 100, perf::links_in(microseconds(400)));
  all.push_back({"cheap_then_dear", cores, links});

  links.assign(200, perf::links_in(microseconds(200)));
  links.push_back(perf::links_in(milliseconds(10)));
  all.push_back({"long_one_last", cores, links});

  all.push_back({"3_equal_on_2", 2, std::vector<long>(3, perf::links_in(milliseconds(16)))});
  return all;
}

/// As many tasks as run at once: threads beyond the cores share them.
std::size_t machines(const shape& work) { return std::min(work.concurrency, fanout::available_concurrency()); }

/// In links: an equal share of all, the longest task, or the least that two tasks take which must share a core
/// because there is one task more than cores.
double lower_bound(const shape& work) {
  const std::size_t cores = machines(work);
  std::vector<long> sorted = work.links;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  const double total = std::accumulate(sorted.begin(), sorted.end(), 0.0);
  double bound = std::max(total / static_cast<double>(cores), static_cast<double>(sorted.front()));
  if (sorted.size() > cores) bound = std::max(bound, static_cast<double>(sorted[cores - 1] + sorted[cores]));
  return bound;
}

double in_order(const shape& work) {
  std::priority_queue<long, std::vector<long>, std::greater<>> free_at;  // when each thread ends what it does
  for (std::size_t i = 0; i < machines(work); ++i) free_at.push(0);
  long end = 0;
  for (const long links : work.links) {
    const long task_ends = free_at.top() + links;
    free_at.pop();
    free_at.push(task_ends);
    end = std::max(end, task_ends);
  }
  return static_cast<double>(end);
}

/// Runs all tasks, one after the other: the time of a link, in seconds, as it is now, from which a schedule's time
/// follows.
double seconds_per_link(const shape& work) {
  const auto start = std::chrono::steady_clock::now();
  long total = 0;
  for (const long links : work.links) {
    long end = perf::chain(total, links);
    asm volatile("" : "+r"(end));
    total += links;
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / static_cast<double>(total);
}

const bool entered = [] {
  for (const shape& each : shapes()) {
    perf::measure_bound(each.name, "lower_bound",
                        [&each, bound = lower_bound(each)] { return bound * seconds_per_link(each); });
    perf::measure_bound(each.name, "in_order",
                        [&each, length = in_order(each)] { return length * seconds_per_link(each); });
  }
  return true;
}();

}  // namespace

const std::vector<shape>& shapes() {
  static const std::vector<shape> all = make_shapes();
  return all;
}

}  // namespace balance
