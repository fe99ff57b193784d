#include "fanout/outcome.hpp"

#include <gtest/gtest.h>

#include <any>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "support.hpp"

/// One outcome by itself. `settle(index, make)` is how the library makes one.
namespace {

using namespace support;
using fanout::outcome;

template <class T, class Make>
outcome<T> settled(std::size_t index, Make make) {
  outcome<T> result;
  result.settle(index, make);
  return result;
}

const auto fail = []() -> int { throw std::domain_error("bad"); };

TEST(Outcome, IsCancelledUntilItIsSettled) {
  const outcome<int> nothing;
  EXPECT_TRUE(nothing.cancelled());
  EXPECT_FALSE(nothing.has_value());
  EXPECT_FALSE(nothing);
  EXPECT_EQ(nothing.error(), nullptr);
  EXPECT_THROW(static_cast<void>(nothing.value()), fanout::operation_cancelled);
}

TEST(Outcome, HoldsWhatWasReturned) {
  auto seven = settled<int>(0, [] { return 7; });
  EXPECT_TRUE(seven);
  EXPECT_FALSE(seven.cancelled());
  EXPECT_EQ(seven.error(), nullptr);
  EXPECT_EQ(seven.value(), 7);
  EXPECT_EQ(*seven, 7);
  seven.value() = 8;
  EXPECT_EQ(std::as_const(seven).value(), 8);
}

TEST(Outcome, HoldsTheCauseOfAFailure) {
  const auto failed = settled<int>(0, fail);
  EXPECT_FALSE(failed.has_value());
  EXPECT_FALSE(failed.cancelled());
  EXPECT_EQ(message_of<std::domain_error>([&] { std::rethrow_exception(failed.error()); }), "bad");
}

TEST(Outcome, ThrowsAnErrorWithIndexAndCauseForTheValueOfAFailure) {
  const auto failed = settled<int>(12, fail);
  try {
    static_cast<void>(failed.value());
    FAIL() << "no exception";
  } catch (const fanout::task_error& e) {
    EXPECT_EQ(e.index(), 12U);
    EXPECT_STREQ(e.what(), "task 12 failed: bad");
    EXPECT_THROW(std::rethrow_if_nested(e), std::domain_error);
  }
}

TEST(Outcome, CanTellItsFailureAgainAndAgain) {
  const auto failed = settled<int>(1, fail);
  for (int i = 0; i != 3; ++i) EXPECT_THROW(static_cast<void>(failed.value()), fanout::task_error);
}

TEST(Outcome, OfVoidHasNoValueButSaysThatThereIsOne) {
  const auto done = settled<void>(0, [] {});
  EXPECT_TRUE(done.has_value());
  static_assert(std::is_void_v<decltype(done.value())> && std::is_void_v<decltype(*done)>);
  EXPECT_NO_THROW(done.value());
  const auto failed = settled<void>(0, [] { throw 42; });
  EXPECT_THROW(failed.value(), fanout::task_error);
}

TEST(Outcome, GivesItsValueAwayAsAnRvalue) {
  auto held = settled<std::unique_ptr<int>>(0, [] { return std::make_unique<int>(3); });
  const std::unique_ptr<int> taken = std::move(held).value();
  EXPECT_EQ(*taken, 3);
  auto other = settled<std::unique_ptr<int>>(0, [] { return std::make_unique<int>(4); });
  const std::unique_ptr<int> unchecked = *std::move(other);
  EXPECT_EQ(*unchecked, 4);
}

TEST(Outcome, ReachesTheMembersOfItsValue) {
  auto text = settled<std::string>(0, [] { return std::string("abc"); });
  EXPECT_EQ(text->size(), 3U);
  EXPECT_EQ(std::as_const(text)->size(), 3U);
}

TEST(Outcome, IsCopyableWhereItsValueIs) {
  static_assert(std::is_copy_constructible_v<outcome<std::string>> &&
                std::is_copy_assignable_v<outcome<std::string>>);
  static_assert(!std::is_copy_constructible_v<outcome<std::unique_ptr<int>>>);
  static_assert(std::is_nothrow_move_constructible_v<outcome<std::unique_ptr<int>>>);
  const auto text = settled<std::string>(0, [] { return std::string("abc"); });
  outcome<std::string> copy = text;
  copy.value() += "d";
  EXPECT_EQ(text.value(), "abc");
  EXPECT_EQ(copy.value(), "abcd");
}

TEST(Outcome, NeedsNoDefaultConstructor) {
  const auto held = settled<not_default_constructible>(0, [] { return not_default_constructible(5); });
  EXPECT_EQ(held->value, 5);
}

TEST(Outcome, KeepsAnOverAlignedValueWhereItBelongs) {
  const auto held = settled<over_aligned>(0, [] { return over_aligned{5}; });
  EXPECT_TRUE(held->well_placed());
}

TEST(Outcome, CatchesWhateverIsThrownWhileItsValueIsMade) {
  struct picky {
    explicit picky(bool bad) {
      if (bad) throw 42;
    }
  };
  const auto failed = settled<picky>(0, [] { return picky(true); });
  EXPECT_FALSE(failed.has_value());
  EXPECT_NE(failed.error(), nullptr);
}

TEST(Outcome, TellsAValueFromTheAlternativesItIsStoredWith) {
  const auto pointer = settled<std::exception_ptr>(0, [] { return std::make_exception_ptr(1); });
  EXPECT_TRUE(pointer.has_value());
  EXPECT_EQ(pointer.error(), nullptr);
  const auto nothing = settled<std::monostate>(0, [] { return std::monostate(); });
  EXPECT_TRUE(nothing.has_value());
  EXPECT_FALSE(nothing.cancelled());
}

TEST(Outcome, OfATypeThatConvertsFromAnythingHoldsWhatWasReturned) {
  const auto any = settled<std::any>(0, [] { return std::any(std::string("text")); });
  EXPECT_NE(std::any_cast<std::string>(&*any), nullptr);
  const auto maybe = settled<std::optional<std::any>>(0, [] { return std::optional<std::any>(); });
  EXPECT_FALSE(maybe->has_value());
}

TEST(Outcome, SaysThatItHasNoValueAfterAnAssignmentThrew) {
  const auto target = settled<throws_when_moved>(0, [] { return throws_when_moved(1); });
  outcome<throws_when_moved> failed = settled<throws_when_moved>(1, []() -> throws_when_moved { throw 42; });
  throws_when_moved::armed = true;
  EXPECT_THROW(failed = target, std::domain_error);
  throws_when_moved::armed = false;
  EXPECT_TRUE(target.has_value());
  EXPECT_FALSE(failed.has_value());
  EXPECT_ANY_THROW(static_cast<void>(failed.value()));
}

}  // namespace
