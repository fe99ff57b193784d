#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "user.hpp"

/// A program of which one part is compiled without RTTI, and the library and this file with it. See
/// docs/errors-and-stopping.md.
namespace {

TEST(NoRtti, APartWithoutItUsesEveryPublicHeader) { EXPECT_EQ(no_rtti::use_everything(), 40); }

TEST(NoRtti, TasksOfAPartWithItMayThrowInAPartWithoutIt) {
  const auto counts = no_rtti::settle({[] { return 1; }, [] { return throw 42, 2; }, [] { return 3; }});
  EXPECT_EQ(counts.values, 2);
  EXPECT_EQ(counts.failures, 1);
}

TEST(NoRtti, APartWithoutItCatchesEachErrorByItsType) {
  const std::vector<std::string> names = {"error",        "task_error",  "aggregate_error", "operation_cancelled",
                                          "pool_timeout", "pool_closed", "resource_error",  "tuning_error"};
  EXPECT_EQ(no_rtti::catch_each_error(), names);
}

TEST(NoRtti, APartWithoutItReachesTheCauseOfATaskError) {
  EXPECT_EQ(no_rtti::cause_by_rethrow_nested(), "disk full");
  EXPECT_EQ(no_rtti::cause_by_rethrow_if_nested(), "disk full");
}

#if defined(__GXX_RTTI)  // and so the library has it, too

std::string cause_of(const std::exception& e) {
  try {
    std::rethrow_if_nested(e);
  } catch (const std::exception& cause) {
    return cause.what();
  }
  return "none";
}

// `rethrow_if_nested` asks for the dynamic type, which an object has by its vtable. Were that a weak symbol, the part
// without RTTI would bring one that knows no type, and the linker might take it for the whole program.
TEST(NoRtti, ErrorsThatAPartWithoutItCopiedHaveTheirTypeElsewhere) {
  const std::vector<fanout::task_error> errors = no_rtti::failures_of_a_batch();
  ASSERT_EQ(errors.size(), 2);
  const std::exception& first = errors.front();
  EXPECT_EQ(cause_of(first), "one");
  EXPECT_NE(dynamic_cast<const fanout::task_error*>(&first), nullptr);
}

TEST(NoRtti, ErrorsThatPassThroughAPartWithoutItHaveTheirTypeElsewhere) {
  try {
    no_rtti::fail([] { throw std::runtime_error("disk full"); });
    FAIL();
  } catch (const std::exception& e) {
    EXPECT_EQ(cause_of(e), "disk full");
    EXPECT_NE(dynamic_cast<const fanout::error*>(&e), nullptr);
  }
}

#endif

}  // namespace
