// Which worker of a stream is missing, on chosen cores. The order of all steps is left to the model checker.

#include "fanout/detail/stream_attendance.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace {

/// The calling thread is on the core that it says.
struct primitives_with_cores {
  template <class T>
  using atomic = std::atomic<T>;
  static inline thread_local int here = 0;
  static int core() { return here; }
  static bool has_several_cores() { return true; }
};

using attendance = fanout::detail::basic_stream_attendance<primitives_with_cores>;
using spinner = fanout::detail::basic_spinning_place<primitives_with_cores>::spinner;

bool is_missing_on(int core, const attendance& of) {
  primitives_with_cores::here = core;
  return of.is_missing();
}

TEST(StreamAttendance, MissesAWorkerIfTheOneThatLingersCannotSeeWhatThereIs) {
  attendance two;
  two.open(/*places=*/4, /*workers=*/2);
  ASSERT_TRUE(two.count_in(2));
  EXPECT_TRUE(is_missing_on(0, two));
  ASSERT_TRUE(two.begin_to_linger());
  {
    primitives_with_cores::here = 3;
    spinner lingers(two.lingers_at());
    lingers.look();
    EXPECT_FALSE(is_missing_on(0, two));
    EXPECT_TRUE(is_missing_on(3, two));
    primitives_with_cores::here = 0;  // it is moved
    lingers.look();
    EXPECT_TRUE(is_missing_on(0, two));
    EXPECT_FALSE(is_missing_on(3, two));
  }
  EXPECT_FALSE(is_missing_on(0, two));  // until it has looked for the last time
  two.end_lingering();
  EXPECT_TRUE(is_missing_on(3, two));
}

TEST(StreamAttendance, MissesNoneBeyondTheLimit) {
  attendance one;
  one.open(/*places=*/4, /*workers=*/1);
  ASSERT_TRUE(one.count_in(1));
  ASSERT_TRUE(one.begin_to_linger());
  spinner lingers(one.lingers_at());
  lingers.look();
  EXPECT_FALSE(is_missing_on(0, one));
}

}  // namespace
