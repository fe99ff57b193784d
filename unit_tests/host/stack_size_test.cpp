#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "host/on_all.hpp"
#include "support.hpp"

/// The stacks of fanout's own threads.
namespace {

using namespace support;
using fanout::executor;

std::size_t stack_of_this_thread() {
  ::pthread_attr_t attributes;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  std::size_t size = 0;
  ::pthread_attr_getstacksize(&attributes, &size);
  ::pthread_attr_destroy(&attributes);
  return size;
}

std::size_t stack_of_a_thread() {
  std::size_t size = 0;
  std::thread([&] { size = stack_of_this_thread(); }).join();
  return size;
}

/// Fills `bytes` of the stack.
[[gnu::noinline]] int use_stack(std::size_t bytes) {
  constexpr std::size_t size = 64 * 1024;
  volatile char frame[size] = {};
  frame[2 + bytes % 2] = 1;
  return bytes < size ? frame[0] : use_stack(bytes - size) + frame[1];
}

std::size_t smallest_stack_of_four(const executor& some) {
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<std::size_t> smallest = static_cast<std::size_t>(-1);
  EXPECT_TRUE(on_four_of(some, [&] {
    if (std::this_thread::get_id() == caller) return;
    const std::size_t mine = stack_of_this_thread();
    for (std::size_t at = smallest; mine < at && !smallest.compare_exchange_weak(at, mine);) continue;
  }));
  return smallest;
}

TEST(StackOfOwnThreads, IsByDefaultThatOfAStdThread) {
  EXPECT_GE(smallest_stack_of_four(executor({.concurrency = 4})), stack_of_a_thread());
}

TEST(StackOfOwnThreads, IsAsTheExecutorAsksBesideOthers) {
  const executor small({.concurrency = 4, .stack_size = mebibyte});
  const executor large({.concurrency = 4, .stack_size = 64 * mebibyte});
  const executor as_large({.concurrency = 4, .stack_size = 64 * mebibyte});
  for (int round = 0; round != 3; ++round) {
    EXPECT_GE(smallest_stack_of_four(large), 64 * mebibyte);
    EXPECT_GE(smallest_stack_of_four(small), mebibyte);
    EXPECT_LE(smallest_stack_of_four(small), 4 * mebibyte) << "the C library may use a larger one again";
    EXPECT_GE(smallest_stack_of_four(as_large), 64 * mebibyte);
  }
}

TEST(StackOfOwnThreads, CarriesADeepRecursion) {
  const executor deep({.concurrency = 4, .stack_size = 64 * mebibyte});
  const std::thread::id caller = std::this_thread::get_id();
  EXPECT_TRUE(on_four_of(deep, [&] {
    EXPECT_EQ(use_stack(std::this_thread::get_id() != caller ? 48 * mebibyte : mebibyte), 0);
  }));
}

TEST(StackOfOwnThreads, MayBeChosenForAnAutomaticLimit) {
  const executor some({.stack_size = 2 * mebibyte});
  EXPECT_EQ(some.concurrency(), fanout::available_concurrency());
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> others = 0;
  const bool met = on_all(
      some.concurrency(), [&](const std::vector<work>& tasks) { some.execute(tasks); }, [&] {
        if (std::this_thread::get_id() != caller && stack_of_this_thread() < 2 * mebibyte) ++others;
      });
  EXPECT_TRUE(met);
  EXPECT_EQ(others, 0);
}

TEST(StackOfOwnThreads, IsRefusedWhereNoThreadCouldHaveIt) {
  for (const std::size_t wrong : {std::size_t{1}, std::size_t{65'535}, static_cast<std::size_t>(-1)})
    EXPECT_THROW(executor({.concurrency = 2, .stack_size = wrong}), std::invalid_argument) << wrong;
  EXPECT_THROW(executor({.concurrency = 1'000, .stack_size = std::size_t{1} << 40U}), fanout::resource_error);
  const executor still({.concurrency = 4});
  EXPECT_TRUE(on_four_of(still, [] {}));
}

}  // namespace
