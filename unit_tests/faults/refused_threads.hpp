#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "support.hpp"

/// Tests in processes of their own, in which no other thread exists yet, and threads are refused.
namespace support {

/// What a child process says by its exit code.
inline void require(bool condition, int code) {
  if (!condition) std::_Exit(code);
}

/// Whether so many threads work together on this executor.
inline bool reaches(fanout::executor& on, std::size_t limit) {
  rendezvous all(limit);
  std::atomic<std::size_t> met = 0;
  on.execute(std::vector(limit, [&] { met += all.meet() ? 1 : 0; }));
  return met == limit;
}

inline void require_refusal(const std::function<void()>& call, std::size_t requested, std::size_t available,
                            int code) {
  try {
    call();
  } catch (const fanout::resource_error& e) {
    require(e.requested() == requested, code + 1);
    require(e.available() == available, code + 2);
    return;
  }
  std::_Exit(code);
}

class RefusedThreadsDeathTest : public testing::Test {
 protected:
  RefusedThreadsDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

}  // namespace support

/// The test body runs in a process of its own, and says by its exit code what went wrong.
#define IN_A_NEW_PROCESS(program) EXPECT_EXIT(program(), testing::ExitedWithCode(0), "")
