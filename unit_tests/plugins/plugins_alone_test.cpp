#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "../own_process.hpp"
#include "../support.hpp"
#include "loaded.hpp"
#include "plugin.hpp"

/// Plugins in a program that does not use oneTBB itself, so that the library of oneTBB comes with them.
namespace {

using namespace support;

using plugins::is_loaded;
using plugins::loaded;
using plugins::one;
using plugins::other;
using plugins::use;

class PluginsAlone : public testing::Test {
 protected:
  const watchdog guard_{3 * patience};
};

TEST_F(PluginsAlone, CanBeLoadedUsedAndUnloaded) {
  for (int round = 0; round != 100; ++round) {
    use(loaded(one));
    ASSERT_FALSE(HasFailure()) << "in round " << round;
  }
}

TEST_F(PluginsAlone, CanBeLoadedUsedAndUnloadedTwoAtOnce) {
  for (int round = 0; round != 100; ++round) {
    const loaded first(one);
    const loaded second(other);
    std::jthread user([&] { use(first); });
    use(second);
    user.join();
    ASSERT_FALSE(HasFailure()) << "in round " << round;
  }
}

TEST_F(PluginsAlone, CanBeUnloadedRightAfterAnAutomaticBatch) {
  for (int round = 0; round != 300; ++round) {
    const loaded used(one);
    ASSERT_TRUE(used.free_call_reaches(plugin::automatic));
  }
}

// The threads end when the plugins have been unloaded. What oneTBB keeps for each thread it deletes then.
TEST_F(PluginsAlone, CanBeUnloadedBeforeTheThreadsThatHaveUsedThem) {
  for (int round = 0; round != 50; ++round) {
    auto first = std::make_unique<const loaded>(one);
    auto second = std::make_unique<const loaded>(other);
    event unloaded;
    std::vector<std::unique_ptr<event>> used;
    std::vector<std::jthread> users;
    for (const loaded* const each : {first.get(), second.get(), first.get()}) {
      used.push_back(std::make_unique<event>());
      users.emplace_back([&unloaded, each, done = used.back().get()] {
        use(*each);
        done->set();
        EXPECT_TRUE(unloaded.wait());
      });
    }
    for (const auto& each : used) ASSERT_TRUE(each->wait(3 * patience));
    first.reset();
    second.reset();
    unloaded.set();
  }
}

TEST_F(PluginsAlone, CanBeUnloadedBeforeTheThreadsThatHaveExecutorsOfThem) {
  for (int round = 0; round != 50; ++round) {
    auto used = std::make_unique<const loaded>(one);
    event has_used;
    event unloaded;
    std::jthread user([&] {
      for (const std::size_t limit : {std::size_t{4}, plugin::automatic})
        EXPECT_TRUE(used->free_call_reaches(limit));
      EXPECT_TRUE(used->use_executor_of_thread(4));
      has_used.set();
      EXPECT_TRUE(unloaded.wait());
    });
    ASSERT_TRUE(has_used.wait());
    used.reset();
    unloaded.set();
  }
}

// oneTBB's own workers stay, asleep: as many as it has by itself.
TEST_F(PluginsAlone, LeaveTheWorkersOfOneTbbAndNoOtherThread) {
  const std::size_t before = threads_of_process();
  {
    const loaded first(one);
    const loaded second(other);
    use(first);
    use(second);
    EXPECT_TRUE(first.executor_reaches(8));
    EXPECT_TRUE(second.free_call_reaches(16));
  }
  if (is_loaded(one) || is_loaded(other)) GTEST_SKIP() << "the system does not unload these";
  const std::size_t workers = std::thread::hardware_concurrency() - 1;
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (threads_of_process() > before + workers && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
  EXPECT_LE(threads_of_process(), before + workers);
}

class PluginsAloneDeathTest : public testing::Test {
 protected:
  PluginsAloneDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(PluginsAloneDeathTest, LetTheProcessEndWhenTheyHaveBeenUnloaded) {
  const auto program = [] {
    const watchdog guard;
    use(loaded(one));
    use(loaded(other));
    std::exit(testing::Test::HasFailure() ? 1 : 0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

}  // namespace
