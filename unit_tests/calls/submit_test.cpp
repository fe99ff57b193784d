#include "fanout/submit.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <numeric>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "fanout/executor.hpp"
#include "fanout/map.hpp"
#include "support.hpp"

/// What `submit` takes and keeps, and what it refuses. Everything is asked of the free functions and of an executor.
namespace {

using namespace support;

struct free_calls {
  template <class... Args>
  auto submit(Args&&... args) const {
    return fanout::submit(std::forward<Args>(args)...);
  }
  template <class... Args>
  auto submit_map(Args&&... args) const {
    return fanout::submit_map(std::forward<Args>(args)...);
  }
};

template <class Calls>
class Submit : public testing::Test {
 protected:
  Calls calls;
};
using both = testing::Types<free_calls, fanout::executor>;
TYPED_TEST_SUITE(Submit, both);

TYPED_TEST(Submit, GivesTheResultsInTheOrderOfTheTasks) {
  std::vector<std::function<int()>> tasks;
  for (int i = 0; i != 100; ++i) tasks.emplace_back([i] { return i; });
  fanout::batch<int> batch = this->calls.submit(tasks);
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(batch.get(), expected);
}

TYPED_TEST(Submit, MapsRangesAndIndices) {
  EXPECT_EQ(this->calls.submit_map(std::vector<std::string>{"a", "bb"}, &std::string::size).get(),
            (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(this->calls.submit_map(3, [](int i) { return i * i; }).get(), (std::vector<int>{0, 1, 4}));
  EXPECT_EQ(this->calls.submit_map(std::views::iota(1, 4), [](int i) { return i; }).get(), (std::vector<int>{1, 2, 3}));
}

TYPED_TEST(Submit, OfNothingIsOverWithoutResults) {
  EXPECT_TRUE(this->calls.submit_map(0, [](int i) { return i; }).get().empty());
  EXPECT_TRUE(this->calls.submit(std::vector<std::function<int()>>{}).get().empty());
}

TYPED_TEST(Submit, OfTasksWithoutResultsGetsNothing) {
  std::atomic<int> ran = 0;
  auto batch = this->calls.submit_map(10, [&](int) { ++ran; });
  static_assert(std::is_same_v<decltype(batch), fanout::batch<void>>);
  static_assert(std::is_void_v<decltype(batch.get())>);
  batch.get();
  EXPECT_EQ(ran, 10);
}

TYPED_TEST(Submit, PacksNoBits) {
  const std::vector<bool> odd = this->calls.submit_map(1000, [](int i) { return i % 2 == 1; }).get();
  for (std::size_t i = 0; i != odd.size(); ++i) EXPECT_EQ(odd[i], i % 2 == 1);
}

TYPED_TEST(Submit, GivesMoveOnlyResultsAndThoseWithoutADefault) {
  EXPECT_EQ(this->calls.submit_map(3, [](int i) { return std::make_unique<int>(i); }).get().at(2).operator*(), 2);
  EXPECT_EQ(this->calls.submit_map(3, [](int i) { return not_default_constructible(i); }).get().at(2).value, 2);
}

TYPED_TEST(Submit, CopiesAnLvalue) {
  std::vector<int> numbers{1, 2, 3};
  event changed;
  auto batch = this->calls.submit_map(numbers, [&](int i) {
    EXPECT_TRUE(changed.wait());
    return i;
  });
  numbers.assign(3, 0);
  changed.set();
  EXPECT_EQ(batch.get(), (std::vector<int>{1, 2, 3}));
}

TYPED_TEST(Submit, MovesAnRvalueAndGivesItsItemsAway) {
  std::vector<std::unique_ptr<int>> items;
  items.push_back(std::make_unique<int>(5));
  const int* const address = items.front().get();
  const auto results =
      this->calls.submit_map(std::move(items), [](std::unique_ptr<int> item) { return item; }).get();
  EXPECT_EQ(results.front().get(), address);
}

TYPED_TEST(Submit, RefersToWhatIsPassedByReference) {
  std::vector<int> numbers{1, 2, 3};
  this->calls.submit_map(std::ref(numbers), [](int& i) { i *= 2; }).get();
  EXPECT_EQ(numbers, (std::vector<int>{2, 4, 6}));
  this->calls.submit_map(std::views::all(numbers), [](int& i) { i *= 2; }).get();
  EXPECT_EQ(numbers, (std::vector<int>{4, 8, 12}));
  const std::vector<int>& constant = numbers;
  EXPECT_EQ(this->calls.submit_map(std::ref(constant), [](const int& i) { return &i; }).get().front(), numbers.data());
}

TYPED_TEST(Submit, CopiesAnArray) {
  int numbers[] = {1, 2, 3};
  auto batch = this->calls.submit_map(numbers, [](int i) { return i; });
  EXPECT_EQ(batch.get(), (std::vector<int>{1, 2, 3}));
}

TYPED_TEST(Submit, OwnsItemsThatAreScatteredOrReadOnce) {
  EXPECT_EQ(this->calls.submit_map(std::list<int>{1, 2}, [](int i) { return i; }).get(), (std::vector<int>{1, 2}));
  std::istringstream words("3 4");
  EXPECT_EQ(this->calls.submit_map(std::views::istream<int>(words), [](int i) { return i; }).get(),
            (std::vector<int>{3, 4}));
}

TYPED_TEST(Submit, OwnsTheMapperAndTheOptions) {
  std::atomic<int> reported = 0;
  event go;
  auto batch = [&] {
    fanout::run_options options{.on_progress = [&, kept = std::string(100, 'x')](std::size_t, std::size_t) {
      reported += static_cast<int>(kept.size());
    }};
    auto mapper = [&, kept = std::string(100, 'y')](int) {
      EXPECT_TRUE(go.wait());
      return kept;
    };
    return this->calls.submit_map(1, mapper, options);
  }();
  go.set();
  EXPECT_EQ(batch.get().front(), std::string(100, 'y'));
  EXPECT_EQ(reported, 100);
}

TYPED_TEST(Submit, DestroysTasksWhenTheBatchHasEndedAndResultsWithTheirOwner) {
  counted::reset();
  std::vector<std::function<counted()>> tasks(10, [captured = counted(1)] { return captured; });
  auto batch = this->calls.submit(std::move(tasks));
  batch.wait();
  EXPECT_EQ(counted::population.alive(), 10);  // the results
  { const auto results = batch.get(); }
  EXPECT_EQ(counted::population.alive(), 0);
}

TYPED_TEST(Submit, KeepsLimits) {
  gauge running;
  auto batch = this->calls.submit_map(
      20,
      [&](int) {
        const gauge::visit here(running);
        std::this_thread::sleep_for(1ms);
      },
      1);
  batch.get();
  EXPECT_EQ(running.most(), 1);
}

TYPED_TEST(Submit, ThrowsFromGetWhatTheCallWouldThrow) {
  const auto fail_at_3 = [](int i) { return i == 3 ? throw std::runtime_error("three") : i; };
  auto batch = this->calls.submit_map(10, fail_at_3, 1);
  EXPECT_EQ(thrown_by<fanout::task_error>([&] { batch.get(); }).index(), 3U);
  auto all = this->calls.submit_map(10, fail_at_3, fanout::run_options{.on_error = fanout::error_policy::run_all});
  EXPECT_EQ(thrown_by<fanout::aggregate_error>([&] { all.get(); }).errors().size(), 1U);
  auto broken = this->calls.submit_map(10, [](int) {}, fanout::run_options{.on_progress = [](std::size_t, std::size_t) {
                                         throw std::domain_error("progress");
                                       }});
  EXPECT_THROW(broken.get(), std::domain_error);
}

TYPED_TEST(Submit, RefusesBadInputItself) {
  EXPECT_THROW((void)this->calls.submit_map(3, [](int) {}, fanout::run_options{.concurrency = 0}), std::invalid_argument);
  EXPECT_THROW((void)this->calls.submit_map(-1, [](int) {}), std::invalid_argument);
  EXPECT_THROW((void)this->calls.submit_map(3, std::function<void(int)>()), std::invalid_argument);
  std::vector<std::function<void()>> tasks(3, [] {});
  tasks[1] = nullptr;
  EXPECT_THROW((void)this->calls.submit(tasks), std::invalid_argument);
  EXPECT_THROW((void)this->calls.submit_map((std::size_t{1} << 40U) + 1, [](std::size_t) {}), std::length_error);
}

TYPED_TEST(Submit, ThrowsItselfWhatAnIteratorThrows) {
  std::atomic<int> ran = 0;
  const auto throws_at_2 = std::views::iota(0, 4) | std::views::transform([](int i) {
                             return i == 2 ? throw std::domain_error("iterator") : i;
                           });
  EXPECT_THROW((void)this->calls.submit_map(throws_at_2, [&](int) { ++ran; }), std::domain_error);
  EXPECT_EQ(ran, 0);
}

TYPED_TEST(Submit, RunsWhileTheSubmitterSleeps) {
  event ran;
  const auto batch = this->calls.submit_map(1, [&](int) { ran.set(); });
  EXPECT_TRUE(ran.wait());
}

TYPED_TEST(Submit, KeepsTheFloatingPointEnvironmentOfTheSubmitter) {
  for (const int direction : directions_of_rounding) {
    const rounding rounds(direction);
    auto batch = this->calls.submit_map(4, [](int) { return std::fegetround(); });
    const rounding otherwise(FE_TONEAREST);
    EXPECT_EQ(batch.get(), std::vector<int>(4, direction));
  }
}

TYPED_TEST(Submit, GivesTheTasksTheirContext) {
  auto batch = this->calls.submit_map(5, [](int, const fanout::task_context& context) { return context.index(); });
  EXPECT_EQ(batch.get(), (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST(SubmitConstraints, AskForWhatCanBeOwned) {
  using move_only_tasks = std::vector<std::unique_ptr<int>>;
  constexpr auto mapper = [](const std::unique_ptr<int>&) {};
  static_assert(!fanout::detail::submitted_items<move_only_tasks&>);
  static_assert(fanout::detail::submitted_items<move_only_tasks>);
  static_assert(fanout::detail::submitted_items<std::reference_wrapper<move_only_tasks>>);
  static_assert(fanout::detail::submitted_mapper<decltype(mapper), move_only_tasks>);
  static_assert(!fanout::detail::submitted_tasks<std::vector<int>>);
  static_assert(!std::is_copy_constructible_v<fanout::batch<int>> && std::is_nothrow_move_constructible_v<fanout::batch<int>>);
}

}  // namespace
