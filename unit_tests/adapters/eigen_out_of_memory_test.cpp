#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "fanout/adapters/eigen.hpp"
#include "faults/out_of_memory.hpp"

/// The pool runs each closure once whatever is refused: every allocation fails once, or all from one on.
namespace {

using namespace support;

constexpr int count = 40;

fanout::executor& shared() {
  static fanout::executor made({.concurrency = 2});
  return made;
}

void run_each_closure_once() {
  fanout::adapters::eigen_pool pool(shared());  // a new one, because its scope keeps memory for later closures
  std::atomic<int> runs = 0;
  for (int i = 0; i != count; ++i) pool.Schedule([&runs] { ++runs; });  // small enough to need no memory of its own
  const auto end = std::chrono::steady_clock::now() + patience;
  while (runs != count && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  expect(runs == count);
}

class EigenOutOfMemory : public testing::TestWithParam<memory::refusal> {};

INSTANTIATE_TEST_SUITE_P(Memory, EigenOutOfMemory, testing::Values(memory::refusal::once, memory::refusal::then_on));

TEST_P(EigenOutOfMemory, RunsEachClosureOnceWhereTheScopeHasNoMemory) {
  const operation closures{.name = "Closures", .run = run_each_closure_once};
  EXPECT_GT(walk(closures, memory::source::language, memory::of::all_threads, GetParam(), run_each_closure_once), 0U);
}

}  // namespace
