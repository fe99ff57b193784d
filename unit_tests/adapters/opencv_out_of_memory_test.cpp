#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <new>

#include "fanout/adapters/opencv.hpp"
#include "faults/out_of_memory.hpp"

/// A loop of OpenCV runs each stripe once whatever is refused: every allocation fails once, or all from one on.
namespace {

using namespace support;

constexpr int count = 24;  // more than a batch has room for without an allocation

void run_each_stripe_once(fanout::executor& executor) {
  std::array<std::atomic<int>, count> runs{};
  const auto body = [](int first, int last, void* data) {
    for (int i = first; i != last; ++i) ++static_cast<std::atomic<int>*>(data)[i];
  };
  fanout::adapters::opencv_backend backend(executor);
  try {
    backend.parallel_for(count, body, runs.data());
  } catch (const std::bad_alloc&) {  // which the walk would take for an answer
    throw wrong_result();
  }
  for (const std::atomic<int>& each : runs) expect(each == 1);
}

fanout::executor& shared() {
  static fanout::executor made({.concurrency = count});
  return made;
}

const auto works = [] { run_each_stripe_once(shared()); };

class OpenCVOutOfMemory : public testing::TestWithParam<memory::refusal> {};

INSTANTIATE_TEST_SUITE_P(Memory, OpenCVOutOfMemory, testing::Values(memory::refusal::once, memory::refusal::then_on));

TEST_P(OpenCVOutOfMemory, RunsEachStripeOnceWhereABatchHasNoMemory) {
  const operation loop{.name = "Loop", .run = works};
  EXPECT_GT(walk(loop, memory::source::language, memory::of::all_threads, GetParam(), works), 0U);
}

}  // namespace
