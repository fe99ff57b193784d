#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

#include "admission/applicants.hpp"
#include "fanout/admission.hpp"
#include "faults/refusing_memory.hpp"

/// Each allocation fails of a batch that comes and asks. It is refused with a `std::bad_alloc`, holds nothing, is in
/// no line, and the next one gets its turn.
namespace {

using namespace support;
using admission_tests::batch;
using fanout::admission;

/// Calls `operation` with the first allocation refused, then with the second, and so on, until none is. Returns how
/// many were refused.
template <class Operation, class Check>
std::size_t refuse_each_allocation(Operation operation, Check check) {
  for (std::size_t step = 0;; ++step) {
    bool refused = false;
    bool failed = false;
    {
      memory::shortage shortage(memory::source::language, memory::of::this_thread, memory::refusal::once, step);
      try {
        operation();
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      refused = shortage.end();
    }
    EXPECT_EQ(failed, refused) << "at allocation " << step;
    check();
    if (!refused) return step;
  }
}

std::uint64_t one_each(std::size_t /*index*/) { return 1; }

TEST(AdmissionFaults, OfABatchThatComesLeaveABudgetAsItWas) {
  const fanout::resource_budget budget(1);
  const admission by_one = budget.by(one_each);
  const std::size_t refused = refuse_each_allocation(
      [&] {
        batch one(by_one);
        ASSERT_TRUE(one.starts(0));
        one.end(0);
      },
      [&] {
        EXPECT_EQ(budget.in_use(), 0U);
        EXPECT_EQ(budget.waiting(), 0U);
        batch another(by_one);
        EXPECT_TRUE(another.starts(0));
        another.end(0);
      });
  EXPECT_GE(refused, 2U) << "the shares, the gate";
}

TEST(AdmissionFaults, OfABatchThatComesLeaveARateAsItWas) {
  const fanout::rate_limit rate(1, std::chrono::hours(1));
  const admission limited = rate;
  const std::size_t refused = refuse_each_allocation(
      [&] {
        batch one(limited);
        ASSERT_TRUE(one.starts(0));
        one.end(0);  // without a begin, so it does not count
      },
      [&] {
        batch another(limited);
        EXPECT_TRUE(another.starts(0));
        another.end(0);
      });
  EXPECT_GE(refused, 1U) << "the gate";
}

TEST(AdmissionFaults, OfWhatIsMadeBeforeAnyBatchAreReported) {
  const auto nothing = [] {};
  EXPECT_GE(refuse_each_allocation([] { const fanout::resource_budget budget(1); }, nothing), 1U);
  EXPECT_GE(refuse_each_allocation([] { const fanout::rate_limit rate(1'000, std::chrono::seconds(1)); }, nothing), 2U);
  EXPECT_GE(refuse_each_allocation([] { static_cast<void>(fanout::free_memory_above(1)); }, nothing), 1U);
  const auto rule = [](std::size_t) { return fanout::admission_answer::yes(); };
  EXPECT_GE(refuse_each_allocation([&] { const admission own(rule); }, nothing), 1U);
}

TEST(AdmissionFaults, OfARefusalAreReported) {
  batch one{admission([](std::size_t) { return fanout::admission_answer::never(std::string(100, 'x')); })};
  refuse_each_allocation(
      [&] {
        const auto reply = one.reply_to(0);
        EXPECT_NE(reply.why, nullptr);
      },
      [] {});
}

}  // namespace
