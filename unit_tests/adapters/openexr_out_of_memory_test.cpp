#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>

#include "fanout/adapters/openexr.hpp"
#include "faults/out_of_memory.hpp"

/// The provider runs each task once whatever is refused: every allocation fails once, or all from one on.
namespace {

using namespace support;

constexpr std::size_t count = 40;

class counting final : public IlmThread::Task {
 public:
  explicit counting(std::atomic<std::size_t>& runs) : Task(nullptr), runs_(runs) {}
  void execute() override { ++runs_; }

  // The provider deletes it. Here that needs no memory, so that only what the provider does is refused.
  static void* operator new(std::size_t, void* place) { return place; }
  static void operator delete(void*) {}
  static void operator delete(void*, void*) {}

 private:
  std::atomic<std::size_t>& runs_;
};

fanout::executor& shared() {
  static fanout::executor made({.concurrency = 2});
  return made;
}

void run_each_task_once() {
  struct room {
    alignas(counting) std::array<std::byte, sizeof(counting)> bytes;
  };
  fanout::adapters::openexr_provider provider(shared());  // a new one: its scope keeps memory for later tasks
  std::atomic<std::size_t> runs = 0;
  static std::array<room, count> rooms;
  for (room& each : rooms) provider.addTask(new (each.bytes.data()) counting(runs));
  const auto end = std::chrono::steady_clock::now() + patience;
  while (runs != count && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  expect(runs == count);
}

class OpenexrOutOfMemory : public testing::TestWithParam<memory::refusal> {};

INSTANTIATE_TEST_SUITE_P(Memory, OpenexrOutOfMemory, testing::Values(memory::refusal::once, memory::refusal::then_on));

TEST_P(OpenexrOutOfMemory, RunsEachTaskOnceWhereTheScopeHasNoMemory) {
  const operation tasks{.name = "Tasks", .run = run_each_task_once};
  EXPECT_GT(walk(tasks, memory::source::language, memory::of::all_threads, GetParam(), run_each_task_once), 0U);
}

}  // namespace
