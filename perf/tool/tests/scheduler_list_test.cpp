#include "scheduler_list.hpp"

#include <gtest/gtest.h>

#include <string>

#include "exit_status.hpp"

namespace tool {
namespace {

TEST(SchedulerList, GivesThoseThatAreNamedInTheirOrder) {
  const auto chosen = parse_schedulers("async,serial,task-arena");
  ASSERT_EQ(chosen.size(), 3U);
  EXPECT_EQ(chosen[0].name(), "async");
  EXPECT_EQ(chosen[1].name(), "serial");
  EXPECT_EQ(chosen[2].name(), "task-arena");
}

TEST(SchedulerList, RefusesUnknownAndRepeatedNames) {
  for (const char* list : {"", "serial,", ",serial", "serial,threads", "Serial", "fanout,async,fanout", "fanout\x1b"}) {
    SCOPED_TRACE(list);
    EXPECT_THROW(static_cast<void>(parse_schedulers(list)), usage_error);
  }
  try {
    static_cast<void>(parse_schedulers("\x1b[2J"));
    FAIL() << "no exception";
  } catch (const usage_error& error) {
    EXPECT_EQ(std::string(error.what()).find('\x1b'), std::string::npos);
  }
}

}  // namespace
}  // namespace tool
