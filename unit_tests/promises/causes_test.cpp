#include <gtest/gtest.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Promise 4: index, cause and neighbours are reported, however hard the cause is to report.
namespace {

using namespace support;
using fanout::aggregate_error;
using fanout::error_policy;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::task_context;
using fanout::task_error;

using task = std::function<void(const task_context&)>;

struct without_a_text : std::exception {
  const char* what() const noexcept override { return nullptr; }
};
struct fails_to_be_copied : std::exception {
  fails_to_be_copied() = default;
  fails_to_be_copied(const fails_to_be_copied&) : std::exception() { throw std::domain_error("copied"); }
};

/// Six tasks, of which all but the last fail, each with a cause that is hard to report.
void fail_awkwardly(const task_context& context) {
  static const std::string megabyte(1U << 20U, 'x');
  const fails_to_be_copied original;
  switch (context.index()) {
    case 0:
      throw without_a_text();
    case 1:
      throw std::runtime_error(megabyte);
    case 2:
      throw fails_to_be_copied();
    case 3:
      throw original;  // the copy throws: that is the cause
    case 4:
      try {
        throw 42;
      } catch (...) {
        std::throw_with_nested(without_a_text());
      }
    default:
      return;
  }
}

void expect_awkward_cause(std::size_t index, const std::exception_ptr& cause) {
  const auto rethrow = [&] { std::rethrow_exception(cause); };
  switch (index) {
    case 0:
      EXPECT_THROW(rethrow(), without_a_text);
      break;
    case 1:
      EXPECT_EQ(message_of<std::runtime_error>(rethrow).size(), 1U << 20U);
      break;
    case 2:
      EXPECT_THROW(rethrow(), fails_to_be_copied);
      break;
    case 3:
      EXPECT_EQ(message_of<std::domain_error>(rethrow), "copied");
      break;
    default:
      try {
        rethrow();
      } catch (const without_a_text& nesting) {
        EXPECT_THROW(std::rethrow_if_nested(nesting), int);
      }
  }
}

TEST(Promise4Errors, AreCompleteWhateverTheTextOfTheirCauses) {
  const std::vector<task> tasks(6, &fail_awkwardly);
  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{4}, fanout::automatic}) {
    const executor on({.concurrency = limit});
    const auto error = thrown_by<aggregate_error>([&] { on.execute(tasks, {.on_error = error_policy::run_all}); });
    EXPECT_TRUE(std::string(error.what()).starts_with("5 of 6 tasks failed; the first: task 0 failed: "));
    ASSERT_EQ(error.errors().size(), 5U);
    for (std::size_t i = 0; i != 5; ++i) {
      EXPECT_EQ(error.errors()[i].index(), i);
      EXPECT_LT(std::string(error.errors()[i].what()).size(), 2'100U);
      expect_awkward_cause(i, error.errors()[i].nested_ptr());
    }
    const auto outcomes = fanout::settle_in_parallel(tasks, limit);
    for (std::size_t i = 0; i != 5; ++i) expect_awkward_cause(i, outcomes[i].error());
    EXPECT_THROW(outcomes[0].value(), task_error);
    EXPECT_TRUE(outcomes[5].has_value());
    for (std::size_t i = 0; i != 5; ++i) {
      const auto fail = [&](const task_context& context) {
        if (context.index() == i) fail_awkwardly(context);
      };
      EXPECT_EQ(thrown_by<task_error>([&] { execute_in_parallel(std::vector<task>(6, fail), limit); }).index(), i);
    }
  }
}

}  // namespace
