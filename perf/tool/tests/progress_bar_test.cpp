#include "progress_bar.hpp"

#include <gtest/gtest.h>

namespace tool {
namespace {

TEST(ProgressBar, FillsWithTheShareThatIsDone) {
  EXPECT_EQ(render_progress(0, 10, "serial", 80), "[..............................]   0 %  serial");
  EXPECT_EQ(render_progress(5, 10, "fanout", 80), "[###############...............]  50 %  fanout");
  EXPECT_EQ(render_progress(10, 10, "fanout", 80), "[##############################] 100 %  fanout");
}

TEST(ProgressBar, IsFullOnlyWhenAllIsDone) {
  EXPECT_EQ(render_progress(999, 1000, "", 80), "[#############################.]  99 %  ");
}

TEST(ProgressBar, NeverShowsMoreThanAll) {
  EXPECT_EQ(render_progress(11, 10, "", 80), render_progress(10, 10, "", 80));
}

TEST(ProgressBar, OfNothingIsFull) { EXPECT_EQ(render_progress(0, 0, "", 80), render_progress(1, 1, "", 80)); }

TEST(ProgressBar, StaysWithinANarrowTerminal) {
  EXPECT_EQ(render_progress(5, 10, "fanout", 10), "[#########");
  EXPECT_EQ(render_progress(5, 10, "fanout", 0), "");
}

}  // namespace
}  // namespace tool
