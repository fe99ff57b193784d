#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <thread>

#include "admission/applicants.hpp"
#include "fanout/admission.hpp"
#include "support.hpp"

// Budgets under several threads, each of which is a batch that runs its tasks itself.

namespace {

using admission_tests::asking_thread;
using admission_tests::running_task;
using fanout::resource_budget;

constexpr std::uint64_t capacity = 10;

/// The costs are 0 to 10, in turn.
fanout::admission by_index(const resource_budget& budget) {
  return budget.by([](std::size_t index) { return std::uint64_t{index} % 11; });
}

/// What is held, as the tasks see it.
class held {
 public:
  void take(std::uint64_t amount) {
    if ((sum_ += amount) > capacity) ++violations_;
  }
  void give_back(std::uint64_t amount) { sum_ -= amount; }
  int violations() const { return violations_; }

 private:
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<int> violations_{0};
};

TEST(BudgetThreads, NeverHoldMoreThanTheCapacityTogetherAndAllGetTheirTurn) {
  const support::watchdog dog;
  const resource_budget budget(capacity);
  held now;
  support::on_threads(6, [&](std::size_t number) {
    std::mt19937 random(static_cast<unsigned>(number));
    asking_thread batch(by_index(budget));
    for (int round = 0; round != 500; ++round) {
      const std::size_t index = random() % 1'000;
      if (random() % 8 == 0) {
        if (batch.at().ask(index, 0).what == fanout::detail::admission_reply::kind::yes) batch.at().end(index);
        batch.at().leave();
        continue;
      }
      batch.wait_for(index);
      batch.at().begin(index);
      now.take(index % 11);
      if (random() % 4 == 0) std::this_thread::yield();
      now.give_back(index % 11);
      batch.at().end(index);
    }
  });
  EXPECT_EQ(now.violations(), 0);
  EXPECT_EQ(budget.in_use(), 0U);
  EXPECT_EQ(budget.waiting(), 0U);
}

TEST(BudgetThreads, NeverWaitForeverWhenTasksRunInnerBatches) {
  const support::watchdog dog;
  const resource_budget budget(capacity);
  held now;
  std::atomic<int> served{0};
  std::atomic<int> refused{0};
  support::on_threads(6, [&](std::size_t number) {
    std::mt19937 random(static_cast<unsigned>(number));
    asking_thread outer(by_index(budget));
    for (int round = 0; round != 300; ++round) {
      const std::size_t index = random() % 7;
      outer.wait_for(index);
      {
        const running_task task;
        outer.at().begin(index);
        now.take(index);
        asking_thread inner(by_index(budget), task.entry());
        for (int of_inner = 0; of_inner != 3; ++of_inner) {
          const std::size_t more = 1 + random() % 6;
          try {
            inner.wait_for(more);
          } catch (const std::logic_error&) {
            ++refused;
            break;
          }
          const running_task inner_task(task.entry());
          inner.at().begin(more);
          now.take(more);
          std::this_thread::yield();
          now.give_back(more);
          inner.at().end(more);
          ++served;
        }
        now.give_back(index);
      }
      outer.at().end(index);
    }
  });
  EXPECT_EQ(now.violations(), 0);
  EXPECT_EQ(budget.in_use(), 0U);
  EXPECT_EQ(budget.waiting(), 0U);
  EXPECT_GT(served, 100);
  EXPECT_GT(refused, 0) << "an outer task with 6 whose inner one needs 5";
}

}  // namespace
