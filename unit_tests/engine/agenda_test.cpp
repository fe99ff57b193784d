// The order in which the tasks of an unequal batch start.

#include "engine/agenda.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <new>
#include <random>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "faults/refusing_memory.hpp"

namespace fanout::detail {
namespace {

using time_point = agenda::time_point;

time_point at(std::int64_t tick) { return time_point(std::chrono::microseconds(tick)); }
constexpr time_point never = time_point::max();

std::exception_ptr failure(int number) { return std::make_exception_ptr(number); }
int number_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (int number) {
    return number;
  }
}

std::vector<std::size_t> take_all(agenda& from) {
  std::vector<std::size_t> indices;
  while (from.has_ready()) indices.push_back(from.take().index);
  return indices;
}

using indices = std::vector<std::size_t>;

TEST(Agenda, HandsOutTasksByIndexIfAllAreEqual) {
  agenda all(4, {});
  EXPECT_EQ(take_all(all), (indices{0, 1, 2, 3}));
  EXPECT_FALSE(all.has_ready());
}

TEST(Agenda, HasNothingForABatchWithoutTasks) {
  agenda none(0, [](std::size_t) -> std::int64_t { throw std::logic_error("asked"); });
  EXPECT_FALSE(none.has_ready());
  EXPECT_EQ(none.next_time(), never);
}

TEST(Agenda, HandsOutTheHighestPriorityFirstAndTiesByIndex) {
  const std::vector<std::int64_t> priorities{1, 5, 1, std::numeric_limits<std::int64_t>::max(), 5,
                                             std::numeric_limits<std::int64_t>::min(), 0};
  agenda all(priorities.size(), [&](std::size_t i) { return priorities[i]; });
  EXPECT_EQ(take_all(all), (indices{3, 1, 4, 0, 2, 6, 5}));
}

TEST(Agenda, AsksForEachPriorityOnceInTheOrderOfTheTasks) {
  indices asked;
  agenda all(3, [&](std::size_t i) {
    asked.push_back(i);
    return static_cast<std::int64_t>(i);
  });
  EXPECT_EQ(asked, (indices{0, 1, 2}));
  EXPECT_EQ(take_all(all), (indices{2, 1, 0}));
  EXPECT_EQ(asked.size(), 3U);
}

TEST(Agenda, PassesOnWhatThePriorityThrows) {
  const auto none = [](std::size_t) -> std::int64_t { throw std::range_error("no priority"); };
  EXPECT_THROW(agenda(2, none), std::range_error);
}

TEST(Agenda, TakesBackWhatWasTakenLast) {
  agenda all(2, {});
  all.put_back(all.take());
  EXPECT_EQ(take_all(all), (indices{0, 1}));
  EXPECT_FALSE(all.has_ready());
}

TEST(Agenda, TakesBackATaskThatIsTriedAgain) {
  agenda all(2, {});
  all.try_again(all.take(), failure(7), at(1));
  all.wake(at(1));
  agenda::work again = all.take();
  EXPECT_EQ(again.index, 0U);
  all.put_back(std::move(again));
  const agenda::work once_more = all.take();
  EXPECT_EQ(once_more.index, 0U);
  EXPECT_EQ(once_more.attempt, 2U);
  EXPECT_EQ(number_of(once_more.before), 7);
  EXPECT_EQ(take_all(all), (indices{1}));
}

TEST(Agenda, HandsOutAFirstAttemptWithoutAFailure) {
  agenda all(1, {});
  const agenda::work first = all.take();
  EXPECT_EQ(first.attempt, 1U);
  EXPECT_EQ(first.before, nullptr);
}

TEST(Agenda, HandsOutATaskThatPausedInItsPlace) {
  agenda all(4, {});
  const agenda::work second = (static_cast<void>(all.take()), all.take());
  all.try_again(second, failure(0), at(10));
  EXPECT_EQ(all.next_time(), at(10));
  all.wake(at(9));
  EXPECT_EQ(all.take().index, 2U);
  all.wake(at(10));
  EXPECT_EQ(all.next_time(), never);
  EXPECT_EQ(take_all(all), (indices{1, 3}));
}

TEST(Agenda, WakesThoseWhoseTimeHasCome) {
  agenda all(3, {});
  for (const std::int64_t tick : {30, 10, 20}) all.try_again(all.take(), failure(0), at(tick));
  EXPECT_FALSE(all.has_ready());
  EXPECT_EQ(all.next_time(), at(10));
  all.wake(at(20));
  EXPECT_EQ(all.next_time(), at(30));
  EXPECT_EQ(take_all(all), (indices{1, 2}));
  all.wake(at(30));
  EXPECT_EQ(take_all(all), (indices{0}));
}

TEST(Agenda, CountsTheAttemptsAndKeepsTheLastFailure) {
  agenda all(1, {});
  agenda::work one = all.take();
  for (unsigned attempt = 1; attempt != 4; ++attempt) {
    EXPECT_EQ(one.attempt, attempt);
    all.try_again(one, failure(static_cast<int>(attempt)), at(0));
    all.wake(at(0));
    one = all.take();
    EXPECT_EQ(number_of(one.before), static_cast<int>(attempt));
  }
  EXPECT_FALSE(all.has_ready());
}

TEST(Agenda, DropsAllAndNamesThoseThatHaveFailed) {
  agenda all(5, {});
  all.try_again(all.take(), failure(10), at(1));
  all.try_again(all.take(), failure(11), at(2));
  all.wake(at(1));
  std::vector<std::pair<std::size_t, int>> failed;
  all.drop_all([&](const agenda::work& each) { failed.emplace_back(each.index, number_of(each.before)); });
  std::sort(failed.begin(), failed.end());
  EXPECT_EQ(failed, (std::vector<std::pair<std::size_t, int>>{{0, 10}, {1, 11}}));
  EXPECT_FALSE(all.has_ready());
  EXPECT_EQ(all.next_time(), never);
}

// ── Without memory ──────────────────────────────────────────────────────────────────────────────────────────────────

using support::memory::shortage;
using support::memory::source;
constexpr auto this_thread = support::memory::of::this_thread;

TEST(Agenda, IsUnchangedIfThereIsNoMemoryToTryATaskAgain) {
  std::size_t refused = 0;
  for (bool throws = true; throws; refused += throws) {
    agenda all(3, {});
    const agenda::work first = all.take();
    const agenda::work second = all.take();
    const std::exception_ptr cause = failure(3);
    throws = false;
    {
      const shortage here(source::language, this_thread, support::memory::refusal::once, refused);
      try {
        all.try_again(first, cause, at(1));
      } catch (const std::bad_alloc&) {
        throws = true;
      }
    }
    if (throws) {
      EXPECT_EQ(all.next_time(), never);
      all.try_again(first, cause, at(1));
    }
    all.try_again(second, cause, at(1));
    EXPECT_EQ(all.next_time(), at(1));
    all.wake(at(1));
    EXPECT_EQ(take_all(all), (indices{0, 1, 2}));
  }
  EXPECT_EQ(refused, 2U);  // room for those that are ready, and for those that pause
}

TEST(Agenda, NeedsNoMoreMemoryForATaskThatWasTriedAgainBefore) {
  agenda all(2, {});
  const std::exception_ptr cause = failure(3);
  for (std::size_t index = 0; index != 2; ++index) {
    agenda::work again = all.take();
    EXPECT_EQ(again.index, index);
    all.try_again(again, cause, at(1));
  }
  const shortage here(source::language, this_thread, support::memory::refusal::then_on, 0);
  for (int round = 0; round != 3; ++round) {
    all.wake(at(1));
    agenda::work first = all.take();
    all.put_back(std::move(first));
    const agenda::work again = all.take();
    const agenda::work other = all.take();
    all.try_again(again, cause, at(1));
    all.try_again(other, cause, at(1));
  }
  EXPECT_EQ(all.next_time(), at(1));
}

// ── Against the obvious way to do it ────────────────────────────────────────────────────────────────────────────────

/// All tasks in a list that is searched each time.
class naive_agenda {
 public:
  explicit naive_agenda(const std::vector<std::int64_t>& priorities) {
    for (std::size_t i = 0; i != priorities.size(); ++i) all_.push_back({priorities[i], i});
  }

  struct entry {
    std::int64_t priority;
    std::size_t index;
    unsigned attempt = 1;
    int before = 0;
    time_point from = time_point::min();
    bool is_here = true;
  };

  entry* next(time_point now) {
    entry* first = nullptr;
    for (entry& each : all_) {
      if (!each.is_here || each.from > now) continue;
      if (first == nullptr || each.priority > first->priority) first = &each;
    }
    return first;
  }

  time_point next_time(time_point now) const {
    time_point first = never;
    for (const entry& each : all_)
      if (each.is_here && each.from > now) first = std::min(first, each.from);
    return first;
  }

  entry& of(std::size_t index) { return all_[index]; }
  const std::vector<entry>& all() const { return all_; }

 private:
  std::vector<entry> all_;
};

void compare_with_a_naive_one(unsigned seed) {
  std::mt19937 draw(seed);
  const auto number = [&](unsigned most) { return std::uniform_int_distribution<unsigned>(0, most)(draw); };
  std::vector<std::int64_t> priorities(1 + number(20));
  for (std::int64_t& each : priorities) each = number(3);
  agenda all(priorities.size(), [&](std::size_t i) { return priorities[i]; });
  naive_agenda expected(priorities);
  std::vector<agenda::work> in_flight;
  time_point now = at(0);
  for (int round = 0; round != 300; ++round) {
    all.wake(now);
    ASSERT_EQ(all.next_time(), expected.next_time(now));
    naive_agenda::entry* const next = expected.next(now);
    ASSERT_EQ(all.has_ready(), next != nullptr);
    const unsigned what = number(9);
    if (what < 5 && next != nullptr) {
      agenda::work taken = all.take();
      ASSERT_EQ(taken.index, next->index);
      ASSERT_EQ(taken.attempt, next->attempt);
      if (taken.attempt != 1) {
        ASSERT_EQ(number_of(taken.before), next->before);
      }
      if (what == 0) {
        all.put_back(std::move(taken));
      } else {
        next->is_here = false;
        in_flight.push_back(std::move(taken));
      }
    } else if (what < 8 && !in_flight.empty()) {
      std::swap(in_flight[number(static_cast<unsigned>(in_flight.size() - 1))], in_flight.back());
      const agenda::work ended = in_flight.back();
      in_flight.pop_back();
      if (what == 5) continue;  // it has returned
      naive_agenda::entry& again = expected.of(ended.index);
      again.is_here = true;
      ++again.attempt;
      again.before = round;
      again.from = now + std::chrono::microseconds(number(5));
      all.try_again(ended, failure(round), again.from);
    } else {
      now += std::chrono::microseconds(number(3));
    }
  }
  std::vector<std::tuple<std::size_t, unsigned, int>> kept;
  all.drop_all([&](const agenda::work& each) { kept.emplace_back(each.index, each.attempt, number_of(each.before)); });
  std::sort(kept.begin(), kept.end());
  std::vector<std::tuple<std::size_t, unsigned, int>> left;
  for (const naive_agenda::entry& each : expected.all())
    if (each.is_here && each.attempt != 1) left.emplace_back(each.index, each.attempt, each.before);
  EXPECT_EQ(kept, left);
}

TEST(Agenda, AgreesWithANaiveOneOnRandomTasks) {
  for (unsigned seed = 0; seed != 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    compare_with_a_naive_one(seed);
  }
}

}  // namespace
}  // namespace fanout::detail
