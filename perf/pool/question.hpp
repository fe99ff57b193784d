#pragma once

#include <benchmark/benchmark.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "harness/chain.hpp"
#include "harness/defaults.hpp"
#include "harness/median.hpp"

/// The question: what does it cost to lend a resource and to get it back, where nobody waits (`alone`), where many
/// threads want few resources for a short time (`8on3`), and how soon does one who waits run (`wake_up`)?
///
/// A competitor is a pool: constructible from its size, with `acquire()`, which waits and returns something that `*` turns
/// into a `resource&` and whose destructor gives the resource back, and with `waiting()`, how many wait.
namespace pool {

/// On lines of its own, as a connection or a context would be.
struct alignas(128) resource {
  long uses = 0;
};

using clock = std::chrono::steady_clock;

/// Holds the resource for a chain of some 2 ns a link.
inline void use(resource& lent, long links) { perf::chain(++lent.uses, links); }

/// The uses that all resources have seen. Takes every one of them, so it needs a pool that nobody else uses.
template <class Pool>
long total_uses(Pool& lender, std::size_t size) {
  long uses = 0;
  std::vector<decltype(lender.acquire())> all;
  all.reserve(size);
  for (std::size_t i = 0; i != size; ++i) {
    all.push_back(lender.acquire());
    uses += (*all.back()).uses;
  }
  return uses;
}

/// One thread, a thousand times: a microsecond in the table is a nanosecond for each. Another thread is there, because the
/// C library leaves out atomic operations in a process that has one only.
template <class Pool>
void alone(benchmark::State& state) {
  constexpr long times = 1'000;
  std::binary_semaphore over(0);
  const std::jthread other([&over] { over.acquire(); });
  Pool lender(3);
  for (auto _ : state) {
    for (long i = 0; i != times; ++i) {
      const auto lease = lender.acquire();
      use(*lease, 0);
    }
  }
  if (total_uses(lender, 3) != times * state.iterations()) state.SkipWithError("uses were lost");
  over.release();
}

/// Eight threads on three resources, `times` leases each: enough for each of them to see more than one slice of time.
template <class Pool>
void crowded(benchmark::State& state, long links, long times) {
  constexpr std::ptrdiff_t threads = 8;
  Pool lender(3);
  for (auto _ : state) {
    std::barrier start(threads + 1);
    std::vector<std::jthread> users;
    for (std::ptrdiff_t i = 0; i != threads; ++i) {
      users.emplace_back([&] {
        start.arrive_and_wait();
        for (long each = 0; each != times; ++each) {
          const auto lease = lender.acquire();
          use(*lease, links);
        }
      });
    }
    start.arrive_and_wait();
    const auto begin = clock::now();
    users.clear();
    state.SetIterationTime(std::chrono::duration<double>(clock::now() - begin).count());
  }
  if (total_uses(lender, 3) != threads * times * state.iterations()) state.SkipWithError("uses were lost");
}

/// From just before a release until the one thread that waits has the resource: the median of 500, because now and then
/// the machine gives the waiter's core to somebody else.
template <class Pool>
void wake_up(benchmark::State& state) {
  const std::size_t rounds = perf::for_a_moment() ? 25 : 500;
  for (auto _ : state) {
    Pool lender(1);
    std::vector<clock::duration> took;
    took.reserve(rounds);
    clock::time_point released;
    std::atomic<std::size_t> go{0};     // the round in which the waiter shall want the resource …
    std::atomic<std::size_t> ended{0};  // … and the last one in which it had it
    const std::jthread waiter([&] {
      for (std::size_t round = 1; round <= rounds; ++round) {
        while (go.load(std::memory_order_acquire) != round) std::this_thread::yield();
        {
          const auto lease = lender.acquire();
          took.push_back(clock::now() - released);
        }
        ended.store(round, std::memory_order_release);
      }
    });
    for (std::size_t round = 1; round <= rounds; ++round) {
      {
        const auto lease = lender.acquire();
        go.store(round, std::memory_order_release);
        while (lender.waiting() == 0) std::this_thread::yield();
        for (const auto until = clock::now() + std::chrono::microseconds(50); clock::now() < until;) {
        }  // the waiter parks
        released = clock::now();
      }
      while (ended.load(std::memory_order_acquire) != round) std::this_thread::yield();
    }
    state.SetIterationTime(std::chrono::duration<double>(perf::median(took)).count());
  }
}

/// Registers a competitor for every workload. Needs no call of a virtual function or a `std::function` for a lease.
template <class Pool>
void enter(const std::string& name) {
  const auto add = [&name](const std::string& workload, auto run) {
    return benchmark::RegisterBenchmark((workload + "/" + name).c_str(), run);
  };
  add("alone", &alone<Pool>)->UseRealTime();
  const long part = perf::for_a_moment() ? 20 : 1;
  add("8on3_200ns", [part](benchmark::State& state) { crowded<Pool>(state, 100, 20'000 / part); })->UseManualTime();
  add("8on3_2us", [part](benchmark::State& state) { crowded<Pool>(state, 1'000, 4'000 / part); })->UseManualTime();
  add("wake_up", &wake_up<Pool>)->UseManualTime()->Iterations(1);
}

}  // namespace pool
