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
