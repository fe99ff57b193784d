// Memory for the tasks of a scope, with every interleaving of a few threads: see task_store.hpp, and search.hpp for
// what that means.

#include "engine/task_store.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <memory>

#include "model/search.hpp"

// Copies with a mistake each: see CMakeLists.txt.
namespace locks_no_purse {
#include "planted/locks_no_purse.hpp"
}
namespace keeps_a_full_block {
#include "planted/keeps_a_full_block.hpp"
}

namespace {

using namespace model;

struct task {
  rl::var<int> content;
  void* mine = nullptr;
};

template <std::size_t of_a_store>
struct block {
  static constexpr unsigned places = 2;
  static constexpr std::size_t purses = of_a_store;
  task& make(unsigned in) {
    memory[in].mine = this;
    return memory[in];
  }
  static block& of(task& made) { return *static_cast<block*>(made.mine); }

  block* next = nullptr;
  model::atomic<unsigned> left{0};
  std::array<task, places> memory;
};

#define STORE(name) name::fanout::detail::basic_task_store<primitives, task, block<1>>
template <std::size_t purses>
using store = fanout::detail::basic_task_store<primitives, task, block<purses>>;

/// Each thread makes tasks, writes them, and ends them, and thread 1 does it once more. If two threads had the same
/// memory at a time, or one after the other without an order, that would be a data race.
template <class Store, unsigned tasks, bool gives_back = true>
struct making : rl::test_suite<making<Store, tasks, gives_back>, 2> {
  void thread(unsigned me) {
    unsigned favourite = 0;
    typename Store::ended_tasks ended(*store_);
    for (unsigned i = 0; i != tasks + me; ++i) {
      task& made = store_->make(favourite);
      made.content(RL_INFO) = 1;
      RL_ASSERT(made.content(RL_INFO) == 1);
      ended.add(made);
      if (i != 0) ended.count();
    }
    if (gives_back && me == 0) store_->give_back(0);
  }
  std::unique_ptr<Store> store_ = std::make_unique<Store>();
};

void expect_holds(const finding& found) { EXPECT_TRUE(found.holds()) << found; }

TEST(TaskStoreModel, GivesEachThreadMemoryOfItsOwn) {
  expect_holds(every_execution<making<store<1>, 2>>());
  expect_holds(every_execution<making<store<2>, 2>>());
}

TEST(TaskStoreModel, UsesMemoryAgain) {
  expect_holds(some_executions<making<store<1>, 4>>(10'000));
  expect_holds(some_executions<making<store<2>, 4>>(10'000));
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

TEST(TaskStoreModel, FindsThatAPurseIsUsedByTwoAtATime) {
  EXPECT_FALSE((every_execution<making<STORE(locks_no_purse), 2, false>>().holds()));
}

TEST(TaskStoreModel, FindsThatABlockIsUsedAgainBeforeItsTasksHaveEnded) {
  EXPECT_FALSE((every_execution<making<STORE(keeps_a_full_block), 2, false>>().holds()));
}

TEST(TaskStoreModel, FindsThatMemoryIsUsedAgainWithoutAnOrder) {
  const mistake relaxed{"end", mistake::operation::add, mistake::kind::relaxed};
  const finding found = every_execution_with<making<store<1>, 2>>(relaxed);
  EXPECT_EQ(found.result, rl::test_result_data_race) << found;
}

}  // namespace
