#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>

#include "fanout/adapters/fftw.hpp"
#include "faults/out_of_memory.hpp"

/// FFTW's callback runs each job once whatever is refused: every allocation fails once, or all from one on. FFTW itself is
/// not needed for that.
namespace {

using namespace support;

struct job {
  std::atomic<int> runs = 0;
};

constexpr int count = 24;  // more than a batch has room for without an allocation

void run_each_job_once(fanout::executor& executor) {
  std::array<job, count> jobs;
  const auto work = [](char* it) -> void* {
    ++reinterpret_cast<job*>(it)->runs;
    return nullptr;
  };
  fanout::adapters::fftw_loop(work, reinterpret_cast<char*>(jobs.data()), sizeof(job), count, &executor);
  for (const job& each : jobs) expect(each.runs == 1);
}

fanout::executor& shared() {
  static fanout::executor made({.concurrency = count});
  return made;
}

const auto works = [] { run_each_job_once(shared()); };

class FftwOutOfMemory : public testing::TestWithParam<memory::refusal> {};

INSTANTIATE_TEST_SUITE_P(Memory, FftwOutOfMemory, testing::Values(memory::refusal::once, memory::refusal::then_on));

TEST_P(FftwOutOfMemory, RunsEachJobOnceWhereABatchHasNoMemory) {
  const operation loop{.name = "Loop", .run = works};
  EXPECT_GT(walk(loop, memory::source::language, memory::of::all_threads, GetParam(), works), 0U);
}

}  // namespace
