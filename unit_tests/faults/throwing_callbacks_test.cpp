#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iterator>
#include <list>
#include <memory>
#include <ranges>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "faults/burning.hpp"
#include "support.hpp"

/// Everything of the user's that a call calls throws, at its first call, at its second, and so on until it is not called
/// so often. What becomes of it is what docs/errors-and-stopping.md and the headers say; nothing is left behind, no task
/// runs, and the executor and the pool work on.
namespace {

using namespace support;
using fanout::error_policy;
using fanout::execute_in_parallel;
using fanout::run_options;

/// What burns of an iterator.
enum class step { increment, dereference, compare, begin, size };

/// The numbers 0 … 9 through an iterator of this category, of which one operation burns.
template <class Category, class Reference, step Burning>
class burning_range {
 public:
  class iterator {
   public:
    using iterator_category = Category;
    using iterator_concept = Category;
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    using pointer = const int*;
    using reference = Reference;

    iterator() = default;
    iterator(const burning_range& range, std::size_t at) : range_(&range), at_(at) {}

    Reference operator*() const {
      range_->burn_if(step::dereference);
      return range_->numbers_[at_];
    }
    iterator& operator++() {
      range_->burn_if(step::increment);
      ++at_;
      return *this;
    }
    iterator operator++(int) {
      const iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const iterator& other) const {
      range_->burn_if(step::compare);
      return at_ == other.at_;
    }

   private:
    const burning_range* range_ = nullptr;
    std::size_t at_ = 0;
  };

  explicit burning_range(fuse& with) : fuse_(with) {}
  iterator begin() const {
    burn_if(step::begin);
    return iterator(*this, 0);
  }
  iterator end() const { return iterator(*this, numbers_.size()); }
  std::size_t size() const {
    burn_if(step::size);
    return numbers_.size();
  }

 private:
  void burn_if(step now) const {
    if (now == Burning) fuse_.burn();
  }

  fuse& fuse_;
  std::array<int, 10> numbers_{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
};

/// No task may have run: for exceptions of the input.
template <class Range>
void map_nothing(Range&& range, fuse& with) {
  std::atomic<int> ran = 0;
  try {
    fanout::map_in_parallel(std::forward<Range>(range), [&](auto&&) { ++ran; }, {.concurrency = 3});
  } catch (...) {
    EXPECT_EQ(ran, 0);
    throw;
  }
  EXPECT_TRUE(ran > 0 && !with.has_blown());
}

template <class Category, class Reference, step Burning>
row iterator_row(std::string name) {
  return {std::move(name), arrival::as_it_is, [](fuse& with) {
            const burning_range<Category, Reference, Burning> range(with);
            map_nothing(range, with);
          }};
}

std::vector<row> batches() {
  return {
      {"Task", arrival::task_error, [](fuse& with) { static_cast<void>(shared().execute(tasks_that_burn(with))); }},
      {"TaskOfAFreeCall", arrival::task_error,
       [](fuse& with) { static_cast<void>(execute_in_parallel(tasks_that_burn(with))); }},
      {"TaskAlone", arrival::task_error,
       [](fuse& with) { static_cast<void>(execute_in_parallel(tasks_that_burn(with), 1)); }},
      {"TaskUnderRunAll", arrival::aggregate,
       [](fuse& with) {
         static_cast<void>(shared().execute(tasks_that_burn(with), {.on_error = error_policy::run_all}));
       }},
      {"TaskThatIsSettled", arrival::nowhere,
       [](fuse& with) {
         const auto outcomes = shared().settle(tasks_that_burn(with));
         std::size_t failed = 0;
         for (const auto& each : outcomes) failed += each.error() != nullptr ? 1U : 0U;
         EXPECT_EQ(failed, with.has_blown() ? 1U : 0U);
       }},
      {"FunctionOfInvoke", arrival::task_error,
       [](fuse& with) {
         const auto burn = [&] { with.burn(); };
         fanout::invoke_in_parallel(burn, burn, burn);
       }},
      {"Mapper", arrival::task_error,
       [](fuse& with) {
         static_cast<void>(shared().map(std::vector(10, 1), [&](int) {
           with.burn();
           return counted(1);
         }));
       }},
      {"TaskInATask", arrival::task_error,
       [](fuse& with) {
         const auto inner = [&] {
           try {
             static_cast<void>(execute_in_parallel(tasks_that_burn(with, 4), 2));
           } catch (const fanout::task_error& e) {
             e.rethrow_nested();
           }
         };
         shared().execute(std::vector(4, inner));
       }},
      {"Progress", arrival::as_it_is,
       [](fuse& with) { static_cast<void>(shared().execute(calm_tasks(), burning_progress(with))); }},
      {"ProgressOfASettle", arrival::as_it_is,
       [](fuse& with) { static_cast<void>(shared().settle(calm_tasks(), burning_progress(with))); }},
      {"ProgressAlone", arrival::as_it_is,
       [](fuse& with) {
         run_options options = burning_progress(with);
         options.concurrency = 1;
         static_cast<void>(execute_in_parallel(calm_tasks(), options));
       }},
      {"LastProgress", arrival::as_it_is,
       [](fuse& with) {
         run_options options = burning_progress(with);
         options.progress_interval = std::chrono::hours(1);
         static_cast<void>(shared().execute(calm_tasks(), options));
       }},
      {"MoveOfAResult", arrival::as_it_is,
       [](fuse& with) {
         static_cast<void>(shared().execute(std::vector(10, [&] { return fragile_item(with, counted(1)); })));
       }},
      {"MoveOfAResultOfInvoke", arrival::as_it_is,
       [](fuse& with) {
         const auto make = [&] { return fragile_item(with, counted(1)); };
         static_cast<void>(fanout::invoke_in_parallel(make, make, make));
       }},
      {"MoveOfAResultWithinItsTask", arrival::task_error,
       [](fuse& with) {
         // The task itself moves it: that is the task's failure.
         const auto make = [&]() -> std::unique_ptr<fragile_item> {
           fragile_item local(with, counted(1));
           return std::make_unique<fragile_item>(std::move(local));
         };
         static_cast<void>(shared().execute(std::vector(10, make)));
       }},
      {"CopyOfAnItemThatAMapperTakesByValue", arrival::task_error,
       [](fuse& with) {
         std::list<fragile_item> items;
         for (int i = 0; i != 10; ++i) items.emplace_back(with, counted(i));
         shared().map(items, [](fragile_item) {});  // NOLINT(performance-unnecessary-value-param): that is the point
       }},
  };
}

std::vector<row> inputs() {
  using forward = std::forward_iterator_tag;
  using input = std::input_iterator_tag;
  return {
      iterator_row<forward, const int&, step::increment>("IncrementOfWhatLiesScattered"),
      iterator_row<forward, const int&, step::dereference>("DereferenceOfWhatLiesScattered"),
      iterator_row<forward, const int&, step::compare>("ComparisonOfWhatLiesScattered"),
      iterator_row<forward, const int&, step::begin>("BeginOfWhatLiesScattered"),
      iterator_row<forward, const int&, step::size>("SizeOfWhatLiesScattered"),
      iterator_row<input, int, step::increment>("IncrementOfWhatIsReadOnce"),
      iterator_row<input, int, step::dereference>("DereferenceOfWhatIsReadOnce"),
      iterator_row<input, int, step::compare>("ComparisonOfWhatIsReadOnce"),
      iterator_row<input, int, step::begin>("BeginOfWhatIsReadOnce"),
      iterator_row<input, int, step::size>("SizeOfWhatIsReadOnce"),
      {"CopyOfAnItemThatIsKept", arrival::as_it_is,
       [](fuse& with) {
         std::list<fragile_item> items;
         for (int i = 0; i != 10; ++i) items.emplace_back(with, counted(i));
         map_nothing(items | std::views::transform([](const fragile_item& each) -> fragile_item { return each; }),
                     with);
       }},
      {"CopyOfATaskThatIsKept", arrival::as_it_is,
       [](fuse& with) {
         const auto run = [] {};
         using task = burns_when_moved<std::remove_const_t<decltype(run)>>;
         std::list<task> tasks;
         for (int i = 0; i != 10; ++i) tasks.emplace_back(with, run);
         execute_in_parallel(tasks | std::views::transform([](const task& each) -> task { return each; }), 2);
       }},
      {"QuestionWhetherATaskIsEmpty", arrival::as_it_is,
       [](fuse& with) {
         struct task {
           fuse* with;
           explicit operator bool() const {
             with->burn();
             return true;
           }
           bool operator==(std::nullptr_t) const { return false; }
           void operator()() const {}
         };
         execute_in_parallel(std::vector(10, task{&with}), 2);
       }},
  };
}

// ── The test ────────────────────────────────────────────────────────────────────────────────────────────────────

void expect_usable() {
  rendezvous all(limit);
  std::atomic<std::size_t> met = 0;
  shared().execute(std::vector(limit, [&] { met += all.meet() ? 1 : 0; }));
  EXPECT_EQ(met, limit);
  EXPECT_EQ(execute_in_parallel(std::vector(5, [] { return 1; })), std::vector(5, 1));
}

class ThrowingCallbacks : public testing::TestWithParam<row> {};

TEST_P(ThrowingCallbacks, ArriveAsPromisedAtEachCall) {
  const watchdog guard;
  bool has_blown = true;
  for (std::size_t call = 0; has_blown; ++call) {
    SCOPED_TRACE("throws at call " + std::to_string(call));
    counted::reset();
    fuse with(call);
    arrival arrived = arrival::nowhere;
    try {
      GetParam().call(with);
    } catch (...) {
      arrived = arrival_of_current();
    }
    has_blown = with.has_blown();
    EXPECT_EQ(arrived, has_blown ? GetParam().expected : arrival::nowhere);
    EXPECT_EQ(counted::population.alive(), 0);
    expect_usable();
    ASSERT_FALSE(HasFailure());
    ASSERT_LT(call, 1'000U);
    ASSERT_TRUE(call != 0 || has_blown) << "it was never called";
  }
}

std::string name_of(const testing::TestParamInfo<row>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Batches, ThrowingCallbacks, testing::ValuesIn(batches()), name_of);
INSTANTIATE_TEST_SUITE_P(Inputs, ThrowingCallbacks, testing::ValuesIn(inputs()), name_of);
INSTANTIATE_TEST_SUITE_P(Pools, ThrowingCallbacks, testing::ValuesIn(burning_pools()), name_of);

// Many tasks are looked through for empty ones by all threads. What that throws is still no failure of a task.
TEST(ThrowingCallbacks, TheQuestionWhetherOneOfManyTasksIsEmptyArrivesAsItIs) {
  static std::atomic<std::size_t> asked;
  static std::atomic<bool> ran;
  struct task {
    explicit operator bool() const {
      if (asked.fetch_add(1) == 70'000) throw blown(70'000);
      return true;
    }
    bool operator==(std::nullptr_t) const { return false; }
    void operator()() const { ran = true; }
  };
  EXPECT_THROW(execute_in_parallel(std::vector(100'000, task())), blown);
  EXPECT_FALSE(ran);
}

// A stop callback must not throw: std::stop_source::request_stop is noexcept, whoever calls it. See
// docs/errors-and-stopping.md.
TEST(ThrowingCallbacksDeathTest, AStopCallbackThatThrowsEndsTheProcessAsTheStandardSays) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto program = [] {
    std::set_terminate([] { std::_Exit(3); });
    rendezvous registered(2);
    shared().execute(std::vector(2, [&](const fanout::task_context& context) {
      const std::stop_callback on_stop(context.stop_token(), [] { throw blown(0); });
      if (!registered.meet() || context.index() == 0) throw blown(1);  // the other one's callback is called
      std::this_thread::sleep_for(patience);
    }));
    std::_Exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(3), "");
}

}  // namespace
