// The memory for the small tasks of a scope, with real threads and blocks as those of scopes. ThreadSanitizer sees it
// here only: a program that is built with it has its tasks in memory of their own.

#include "engine/task_store.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/primitives.hpp"
#include "engine/task_scope.hpp"

namespace fanout::detail {
namespace {

using store = basic_task_store<std_primitives, closure, closure_block>;

TEST(TaskStore, MakesTasksThatDoNotOverlap) {
  constexpr std::size_t tasks = 200;
  store memory;
  store::ended_tasks ended(memory);
  unsigned favourite = 0;
  std::vector<closure*> made;
  for (std::size_t i = 0; i != tasks; ++i) {
    made.push_back(&memory.make(favourite));
    made.back()->set_index(i);
    new (made.back()->task()) std::size_t(i);
  }
  for (std::size_t i = 0; i != tasks; ++i) {
    EXPECT_EQ(made[i]->index, i);
    EXPECT_EQ(*static_cast<std::size_t*>(made[i]->task()), i);
    ended.add(*made[i]);
  }
}

TEST(TaskStore, UsesMemoryAgain) {
  store memory;
  unsigned favourite = 0;
  const auto fill_a_block = [&] {
    std::vector<closure*> made;
    for (unsigned i = 0; i != closure_block::places; ++i) made.push_back(&memory.make(favourite));
    store::ended_tasks ended(memory);
    for (closure* const each : made) ended.add(*each);
    return made;
  };
  const auto first = fill_a_block();
  EXPECT_EQ(fill_a_block(), first);
}

struct counted_block {
  struct task {
    counted_block* its = nullptr;
  };
  static constexpr unsigned places = 2;
  static constexpr std::size_t purses = 1;
  static inline int alive = 0;

  counted_block() { ++alive; }
  counted_block(const counted_block&) = delete;
  counted_block& operator=(const counted_block&) = delete;
  ~counted_block() { --alive; }
  task& make(unsigned in) {
    memory.at(in).its = this;
    return memory.at(in);
  }
  static counted_block& of(task& made) { return *made.its; }

  counted_block* next = nullptr;
  std::atomic<unsigned> left{0};
  std::array<task, places> memory;
};

TEST(TaskStore, GivesBackWhatIsNotUsed) {
  using counted_store = basic_task_store<std_primitives, counted_block::task, counted_block>;
  counted_store memory;
  unsigned favourite = 0;
  std::vector<counted_block::task*> made;
  for (int i = 0; i != 5; ++i) made.push_back(&memory.make(favourite));
  EXPECT_EQ(counted_block::alive, 3);
  memory.give_back(0);
  EXPECT_EQ(counted_block::alive, 3);
  for (int i = 0; i != 4; ++i) counted_store::ended_tasks(memory).add(*made[static_cast<std::size_t>(i)]);
  memory.give_back(2);
  EXPECT_EQ(counted_block::alive, 3);
  memory.give_back(1);
  EXPECT_EQ(counted_block::alive, 1);  // the third is in the purse no more, but has a task
  counted_store::ended_tasks(memory).add(*made.back());
  memory.give_back(0);
  EXPECT_EQ(counted_block::alive, 0);
}

TEST(TaskStore, MayBeUsedByManyThreads) {
  constexpr unsigned threads = 4;
  constexpr unsigned rounds = 20'000;
  store memory;
  std::array<std::atomic<closure*>, 4> handed_over{};  // each task is ended by another thread than it was made by
  {
    std::vector<std::jthread> all;
    for (unsigned me = 0; me != threads; ++me) {
      all.emplace_back([&, me] {
        unsigned favourite = me / 2;  // two threads begin with one purse
        store::ended_tasks ended(memory);
        for (unsigned i = 0; i != rounds; ++i) {
          closure& made = memory.make(favourite);
          made.set_index(i);
          auto& to = handed_over[(me + i) % handed_over.size()];
          if (closure* const other = to.exchange(&made, std::memory_order_acq_rel); other != nullptr) {
            other->set_index(rounds);
            ended.add(*other);
          }
          if (i % 1'000 == 0) memory.give_back(0);
        }
      });
    }
  }
  store::ended_tasks ended(memory);
  for (auto& each : handed_over) ended.add(*each.load(std::memory_order_relaxed));
}

}  // namespace
}  // namespace fanout::detail
