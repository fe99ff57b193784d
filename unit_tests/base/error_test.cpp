#include "fanout/error.hpp"

#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support.hpp"

/// The exceptions themselves: what they say, and that they can be copied and carried around.
namespace {

using namespace support;
using fanout::aggregate_error;
using fanout::operation_cancelled;
using fanout::resource_error;
using fanout::task_error;

template <class Cause>
task_error error_of(std::size_t index, Cause cause) {
  return {index, std::make_exception_ptr(std::move(cause))};
}

TEST(Error, IsTheBaseOfAllAndARuntimeError) {
  static_assert(std::is_base_of_v<std::runtime_error, fanout::error>);
  static_assert(std::is_base_of_v<fanout::error, task_error>);
  static_assert(std::is_base_of_v<fanout::error, aggregate_error>);
  static_assert(std::is_base_of_v<fanout::error, operation_cancelled>);
  static_assert(std::is_base_of_v<fanout::error, resource_error>);
  EXPECT_THROW(throw error_of(0, 42), std::runtime_error);
}

TEST(Error, IsCopiedWithoutAThrow) {
  static_assert(std::is_nothrow_copy_constructible_v<task_error> && std::is_nothrow_copy_assignable_v<task_error>);
  static_assert(std::is_nothrow_copy_constructible_v<aggregate_error>);
  static_assert(std::is_nothrow_copy_constructible_v<operation_cancelled>);
  static_assert(std::is_nothrow_copy_constructible_v<resource_error>);
  const task_error original = error_of(3, std::domain_error("bad"));
  task_error copy = error_of(4, 42);
  copy = original;
  EXPECT_STREQ(copy.what(), "task 3 failed: bad");
}

// ── task_error ──────────────────────────────────────────────────────────────────────────────────────────────────

TEST(TaskError, SaysIndexAndCause) {
  const auto error = error_of(7, std::domain_error("negative"));
  EXPECT_EQ(error.index(), 7U);
  EXPECT_STREQ(error.what(), "task 7 failed: negative");
}

TEST(TaskError, NamesTheTypeOfACauseThatIsNoStdException) {
  struct custom {};
  EXPECT_STREQ(error_of(0, 42).what(), "task 0 failed: an exception of type int");
  EXPECT_NE(std::string(error_of(0, custom{}).what()).find("custom"), std::string::npos);
}

struct without_a_text : std::exception {
  const char* what() const noexcept override { return nullptr; }
};
struct with_an_empty_text : std::exception {
  const char* what() const noexcept override { return ""; }
};

TEST(TaskError, NamesTheTypeOfACauseWithoutAText) {
  const auto error = error_of(3, without_a_text());
  EXPECT_EQ(error.index(), 3U);
  const std::string text = error.what();
  EXPECT_TRUE(text.starts_with("task 3 failed: an exception of type ")) << text;
  EXPECT_TRUE(text.ends_with("without_a_text without a text")) << text;
  EXPECT_THROW(std::rethrow_if_nested(error), without_a_text);
  EXPECT_TRUE(std::string(error_of(0, with_an_empty_text()).what()).ends_with("with_an_empty_text without a text"));
}

TEST(TaskError, ShortensALongTextAndKeepsAllOfItInTheCause) {
  const std::string megabyte(1U << 20U, 'x');
  const auto error = error_of(3, std::runtime_error(megabyte));
  EXPECT_EQ(error.what(), "task 3 failed: " + std::string(2'000, 'x') + "…");
  EXPECT_EQ(message_of<std::runtime_error>([&] { error.rethrow_nested(); }), megabyte);
  const aggregate_error both({error, error_of(5, 42)}, 10);
  EXPECT_EQ(both.what(), "2 of 10 tasks failed; the first: " + std::string(error.what()));
  const std::string just_short_enough(2'000, 'x');
  EXPECT_EQ(error_of(3, std::runtime_error(just_short_enough)).what(), "task 3 failed: " + just_short_enough);
}

TEST(TaskError, ShortensALongTextBetweenCharactersOfUtf8) {
  const std::vector<std::string> characters{"ü", "€", "𝄞"};
  for (const std::string& each : characters) {
    for (std::size_t before = 0; before != each.size(); ++before) {
      std::string text(before, '.');
      while (text.size() < 3'000) text += each;
      const std::size_t whole = (2'000 - before) / each.size() * each.size();
      EXPECT_EQ(error_of(0, std::runtime_error(text)).what(),
                "task 0 failed: " + text.substr(0, before + whole) + "…");
    }
  }
  const std::string no_utf8(3'000, '\x80');
  EXPECT_EQ(error_of(0, std::runtime_error(no_utf8)).what(), "task 0 failed: " + no_utf8.substr(0, 2'000) + "…");
}

TEST(TaskError, OfDeeplyNestedBatchesStaysShort) {
  task_error error = error_of(0, std::runtime_error("bad"));
  for (std::size_t depth = 1; depth != 1'000; ++depth) error = error_of(depth, error);
  EXPECT_TRUE(std::string(error.what()).starts_with("task 999 failed: task 998 failed: "));
  EXPECT_LT(std::string(error.what()).size(), 2'100U);
}

/// Copied once, into the place from which it is thrown.
struct fails_to_be_copied : std::runtime_error {
  fails_to_be_copied() : std::runtime_error("cannot be copied") {}
  fails_to_be_copied(const fails_to_be_copied& other) : std::runtime_error(other) {
    throw std::domain_error("copied");
  }
};

template <class Cause>
std::exception_ptr thrown() {
  try {
    throw Cause();
  } catch (...) {
    return std::current_exception();
  }
}

TEST(TaskError, NeverCopiesItsCause) {
  const task_error error(3, thrown<fails_to_be_copied>());
  const task_error copy = error;
  EXPECT_STREQ(copy.what(), "task 3 failed: cannot be copied");
  EXPECT_EQ(message_of<fails_to_be_copied>([&] { copy.rethrow_nested(); }), "cannot be copied");
}

struct left : std::exception {};
struct right : std::exception {};
struct of_two_bases : left, right {};

TEST(TaskError, NamesTheTypeOfACauseThatIsAStdExceptionTwice) {
  const task_error error(0, thrown<of_two_bases>());
  EXPECT_TRUE(std::string(error.what()).ends_with("of_two_bases")) << error.what();
  EXPECT_THROW(error.rethrow_nested(), of_two_bases);
}

TEST(TaskError, KeepsWhatIsNestedInItsCause) {
  const auto throw_both = [] {
    try {
      throw std::domain_error("inner");
    } catch (...) {
      std::throw_with_nested(without_a_text());
    }
  };
  try {
    try {
      throw_both();
    } catch (...) {
      throw task_error(1, std::current_exception());
    }
  } catch (const task_error& error) {
    EXPECT_NE(std::string(error.what()).find("without_a_text"), std::string::npos);
    try {
      error.rethrow_nested();
    } catch (const without_a_text& cause) {
      EXPECT_EQ(message_of<std::domain_error>([&] { std::rethrow_if_nested(cause); }), "inner");
    }
  }
}

TEST(TaskError, NestsItsCauseWhateverItsType) {
  EXPECT_THROW(std::rethrow_if_nested(error_of(0, std::domain_error("bad"))), std::domain_error);
  EXPECT_THROW(error_of(0, 42).rethrow_nested(), int);
  EXPECT_THROW(std::rethrow_if_nested(error_of(0, std::string("text"))), std::string);
}

TEST(TaskError, NestsTheVeryObjectThatWasThrown) {
  const auto cause = std::make_exception_ptr(std::domain_error("bad"));
  EXPECT_EQ(task_error(0, cause).nested_ptr(), cause);
}

TEST(TaskError, NestsATaskErrorOfAnInnerBatch) {
  const auto outer = error_of(1, error_of(2, std::domain_error("bad")));
  EXPECT_STREQ(outer.what(), "task 1 failed: task 2 failed: bad");
  try {
    std::rethrow_if_nested(outer);
    FAIL() << "nothing is nested";
  } catch (const task_error& inner) {
    EXPECT_EQ(inner.index(), 2U);
    EXPECT_THROW(std::rethrow_if_nested(inner), std::domain_error);
  }
}

TEST(TaskError, CanBeMadeWhileAnotherExceptionIsHandled) {
  try {
    throw std::logic_error("other");
  } catch (const std::logic_error&) {
    EXPECT_THROW(error_of(0, 42).rethrow_nested(), int);
  }
}

TEST(TaskError, KeepsItsCauseForItsCopies) {
  std::unique_ptr<task_error> copy;
  {
    const auto original = error_of(1, std::domain_error("bad"));
    copy = std::make_unique<task_error>(original);
  }
  EXPECT_EQ(message_of<std::domain_error>([&] { copy->rethrow_nested(); }), "bad");
}

// ── aggregate_error ─────────────────────────────────────────────────────────────────────────────────────────────

TEST(AggregateError, SaysHowManyAndTheFirst) {
  const aggregate_error error({error_of(2, std::domain_error("bad")), error_of(5, 42)}, 10);
  EXPECT_STREQ(error.what(), "2 of 10 tasks failed; the first: task 2 failed: bad");
  ASSERT_EQ(error.errors().size(), 2U);
  EXPECT_EQ(error.errors()[1].index(), 5U);
}

TEST(AggregateError, IsStillWholeWhenItWasCopiedAndMoved) {
  aggregate_error error({error_of(2, 42)}, 10);
  const aggregate_error copy = error;
  const aggregate_error moved = std::move(error);
  EXPECT_EQ(copy.errors().size(), 1U);
  EXPECT_EQ(moved.errors().size(), 1U);
}

// ── operation_cancelled ─────────────────────────────────────────────────────────────────────────────────────────

TEST(OperationCancelled, SaysHowFarItCame) {
  const operation_cancelled error(3, 10);
  EXPECT_EQ(error.completed(), 3U);
  EXPECT_EQ(error.total(), 10U);
  EXPECT_TRUE(error.errors().empty());
  EXPECT_STREQ(error.what(), "cancelled after 3 of 10 tasks");
}

TEST(OperationCancelled, TellsTheFailuresThatWereMet) {
  const operation_cancelled error(3, 10, {error_of(1, 42)});
  EXPECT_STREQ(error.what(), "cancelled after 3 of 10 tasks, 1 of which failed");
  EXPECT_EQ(error.errors().front().index(), 1U);
}

// ── resource_error ──────────────────────────────────────────────────────────────────────────────────────────────

TEST(ResourceError, SaysWhatWasAskedForAndWhatThereIs) {
  const resource_error error(200, 30);
  EXPECT_EQ(error.requested(), 200U);
  EXPECT_EQ(error.available(), 30U);
  EXPECT_NE(std::string(error.what()).find("200"), std::string::npos);
  EXPECT_NE(std::string(error.what()).find("30"), std::string::npos);
}

// ── Threads ─────────────────────────────────────────────────────────────────────────────────────────────────────

// The address and thread sanitizers see what goes wrong here.
TEST(Error, CanBeCopiedAndReadByManyThreadsAtOnce) {
  const aggregate_error shared({error_of(2, std::domain_error("bad")), error_of(5, 42)}, 10);
  on_threads(4, [&](std::size_t) {
    for (int round = 0; round != 1'000; ++round) {
      const aggregate_error copy = shared;
      const task_error first = copy.errors().front();
      EXPECT_EQ(message_of<std::domain_error>([&] { first.rethrow_nested(); }), "bad");
    }
  });
}

TEST(Error, OutlivesTheThreadThatMadeIt) {
  std::exception_ptr carried;
  std::thread([&] { carried = std::make_exception_ptr(error_of(6, std::domain_error("bad"))); }).join();
  EXPECT_EQ(message_of<task_error>([&] { std::rethrow_exception(carried); }), "task 6 failed: bad");
}

}  // namespace
