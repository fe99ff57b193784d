#include "thread_trial.hpp"

#include <gtest/gtest.h>

namespace fanout::detail {
namespace {

TEST(ThreadTrial, CreatesAsManyThreadsAsTheSystemGives) {
  EXPECT_EQ(create_together(0, 0), 0u);
  EXPECT_EQ(create_together(1, 0), 1u);
  EXPECT_EQ(create_together(50, 1 << 20), 50u);
}

TEST(ThreadTrial, StopsAtTheFirstThreadThatIsRefused) {
  // No address space holds ten stacks of 2^45 bytes.
  EXPECT_LT(create_together(10, std::size_t{1} << 45), 10u);
}

}  // namespace
}  // namespace fanout::detail
