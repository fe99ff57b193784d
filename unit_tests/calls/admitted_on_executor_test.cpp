#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <thread>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Batches of an executor whose tasks wait at several admissions, and so for a place of the executor, too.
namespace {

using namespace support;
using namespace std::chrono_literals;

std::uint64_t one(std::size_t /*index*/) { return 1; }

template <class Condition>
void wait_until(const Condition& holds) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(holds());
}

// The batch has got some of the first budget, and waits for the second. When it may go on, it needs a place, which is
// held by a task that waits for the first budget.
TEST(AdmittedOnExecutor, HoldsNoShareWhileItWaitsForAPlace) {
  const watchdog here;
  fanout::executor executor({.concurrency = 1});
  const fanout::resource_budget first(1);
  const fanout::resource_budget second(1);
  std::latch holds_the_second(1);
  std::latch gives_it_back(1);
  const std::jthread holder([&] {
    fanout::map_in_parallel(1, [&](int) {
      holds_the_second.count_down();
      gives_it_back.wait();
    }, {.admit = {second.by(one)}});
  });
  holds_the_second.wait();
  std::atomic<int> ran{0};
  const std::jthread waits_for_both([&] {
    executor.map(1, [&](int) { ++ran; }, {.admit = {first.by(one), second.by(one)}});
  });
  wait_until([&] { return first.in_use() == 1 && second.waiting() == 1; });
  const std::jthread has_the_place([&] {
    executor.map(1, [&](int) {
      const std::jthread releaser([&] {
        wait_until([&] { return first.waiting() == 1; });
        gives_it_back.count_down();
      });
      fanout::map_in_parallel(1, [&](int) { ++ran; }, {.admit = {first.by(one)}});
    });
  });
  wait_until([&] { return ran == 2; });
}

// The same if only time has to pass.
TEST(AdmittedOnExecutor, HoldsNoShareWhileItWaitsForAPlaceAndNoTimeAnyMore) {
  const watchdog here;
  fanout::executor executor({.concurrency = 1});
  const fanout::resource_budget budget(1);
  const fanout::rate_limit rate(1, 200ms);
  fanout::map_in_parallel(1, [](int) {}, {.admit = {rate}});
  std::atomic<int> ran{0};
  const std::jthread waits_for_both([&] {
    executor.map(1, [&](int) { ++ran; }, {.admit = {budget.by(one), rate}});
  });
  wait_until([&] { return budget.in_use() == 1; });
  executor.map(1, [&](int) { fanout::map_in_parallel(1, [&](int) { ++ran; }, {.admit = {budget.by(one)}}); });
  wait_until([&] { return ran == 2; });
}

TEST(AdmittedOnExecutor, LetsOthersPassWhenItComesToWaitForAPlace) {
  fanout::executor exec({.concurrency = 1});
  const fanout::resource_budget budget(1);
  const auto one = [](std::size_t) { return std::uint64_t{1}; };
  std::atomic<bool> over{false};
  const auto until_over = [&](const auto& call) {
    while (!over) call();
  };
  std::jthread both([&] { until_over([&] { exec.map(1, [](int) {}, {.admit = {budget.by(one)}}); }); });
  std::jthread only_the_budget([&] {
    until_over([&] {
      fanout::map_in_parallel(1, [](int) { std::this_thread::sleep_for(std::chrono::microseconds(30)); },
                              {.admit = {budget.by(one)}});
    });
  });
  for (int round = 0; round != 2'000; ++round) {
    exec.map(1, [&](int) { fanout::map_in_parallel(1, [](int) {}, {.concurrency = 1, .admit = {budget.by(one)}}); });
  }
  over = true;
}

}  // namespace
