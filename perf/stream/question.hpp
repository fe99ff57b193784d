#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <string>

#include <fanout/limits.hpp>

#include "harness/chain.hpp"
#include "harness/defaults.hpp"

/// The question: what does it cost to map a source that is read item by item, and to read the results one by one,
/// with a bounded number of items on the way? Items of 0 ns, 20 ns, 1 µs and 50 µs, in order and as completed, with
/// 16, 256 and 1,024 items on the way.
///
/// A competitor is a class with a `name` and `sum(pipeline)`, which maps each number from 0 to below `pipeline.items`
/// and returns the sum of the results; it adds them one after another.
namespace stream {

enum class order { kept, as_completed };

struct pipeline {
  long items;
  long links;  // of the chain that maps an item
  std::size_t ahead;
  order results;
};

inline long map(long item, long links) { return links == 0 ? item : perf::chain(item, links); }

template <class Competitor>
void measure(const std::string& workload, const pipeline& wanted) {
  const auto repetition = [wanted](benchmark::State& state) {
    Competitor competitor(fanout::available_concurrency());
    unsigned long expected = 0;
    for (long i = 0; i != wanted.items; ++i)
      expected += static_cast<unsigned long>(wanted.links == 0 ? i : perf::end_of_chain(i, wanted.links));
    for (auto _ : state)
      if (competitor.sum(wanted) != expected) state.SkipWithError("wrong results");
    state.SetItemsProcessed(state.iterations() * wanted.items);
  };
  benchmark::RegisterBenchmark((workload + "/" + Competitor::name).c_str(), repetition)->UseRealTime();
}

/// Each repetition takes about 20 ms on two cores.
template <class Competitor>
void enter() {
  struct size {
    const char* name;
    std::chrono::nanoseconds time;
    long items;
  };
  using namespace std::chrono_literals;
  const size sizes[] = {{"0_ns", 0ns, 200'000}, {"20_ns", 20ns, 200'000}, {"1_us", 1us, 40'000}, {"50_us", 50us, 1'000}};
  for (const size& each : sizes)
    for (const order results : {order::kept, order::as_completed})
      for (const std::size_t ahead : {16U, 256U, 1'024U})
        measure<Competitor>((results == order::kept ? "in_order_" : "as_completed_") + std::string(each.name) +
                                "_ahead_" + std::to_string(ahead),
                            {.items = perf::for_a_moment() ? each.items / 50 : each.items,
                             .links = each.time == 0ns ? 0 : perf::links_in(each.time),
                             .ahead = ahead,
                             .results = results});
}

}  // namespace stream
