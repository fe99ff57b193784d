#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "faults/out_of_memory.hpp"
#include "faults/out_of_memory_operations.hpp"
#include "support.hpp"

/// Every allocation of every call fails once. The call gives its result, or says that memory ran out; nothing is left
/// behind; and what was called is usable at once.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;

/// An executor that no thread has been in, so that oneTBB has to allocate for each that comes. There is memory to make it:
/// oneTBB crashes where there is none for an arena (it destroys lanes of a task_stream that were never constructed). It can
/// be used afterwards, however its use ends.
template <class Use>
void use_a_new_executor(Use use) {
  const auto fresh = [&] {
    const memory::relief there_is_memory;
    return std::make_unique<executor>();
  }();
  const auto works = [&] {
    const memory::relief there_is_memory;
    if (fresh->execute(std::vector(20, [] { return 1; })).size() != 20) throw std::logic_error("the executor does not work");
  };
  try {
    use(*fresh);
  } catch (...) {
    works();
    throw;
  }
  works();
}

std::vector<operation> first_uses() {
  static const std::vector<text_task> tasks = text_tasks(12);
  static const auto run = [](executor& on) { expect_texts(on.execute(tasks), tasks.size()); };
  static const auto run_within_itself = [](executor& on) {
    const auto inner = [&] {
      try {
        run(on);
      } catch (...) {
        const memory::relief there_is_memory;
        run(on);  // called by a thread within an arena that had no memory
        throw;
      }
    };
    on.execute(std::vector(4, inner));
  };

  return {
      {"OfAnExecutor", [] { use_a_new_executor(run); }},
      {"AgainAndAgain",
       [] {
         use_a_new_executor([](executor& on) {
           for (int i = 0; i != 3; ++i) run(on);
         });
       }},
      {"WithinItself", [] { use_a_new_executor(run_within_itself); }},
  };
}

/// Whether all threads but this one sleep; one that is just starting does not.
bool others_sleep() {
  const std::string self = std::to_string(::gettid());
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/task")) {
    if (each.path().filename() == self) continue;
    std::string text;
    std::getline(std::ifstream(each.path() / "stat"), text);
    const std::size_t name_ends = text.rfind(") ");
    if (name_ends != std::string::npos && text.at(name_ends + 2) != 'S') return false;
  }
  return true;
}

/// Workers for all that follows: one that starts when there is no memory ends the process.
void have_workers() {
  static const bool done = [] {
    const std::size_t cores = fanout::available_concurrency();
    for (std::atomic<std::size_t> met = 0; met != cores;) {
      met = 0;
      rendezvous all(cores);
      execute_in_parallel(std::vector(cores, [&] { met += all.meet(1s) ? 1 : 0; }));
    }
    for (int times = 0; times != 3; times = others_sleep() ? times + 1 : 0) std::this_thread::sleep_for(1ms);
    return true;
  }();
  static_cast<void>(done);
}

/// Those that make no arena: oneTBB crashes where there is no memory for one. None has a named limit: nothing is asked of
/// oneTBB for these.
std::vector<operation> operations_in_arenas_that_exist() {
  std::vector<operation> chosen;
  const auto choose = [&](const std::vector<operation>& all, const std::set<std::string>& names) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
                 [&](const operation& each) { return names.count(each.name) != 0; });
  };
  choose(batches(), {"Void", "Strings", "FreeAutomatic", "Progress", "AFailure", "AllFailures", "Settle",
                     "SettleOfFailures", "Invoke"});
  choose(pools(), {"Waiting", "ExecuteOnAnExecutor"});

  // Long enough for workers to come, who call others.
  static executor adaptive({.adaptive = true});
  chosen.push_back(
      {"OfSleepers", [] { shared().execute(std::vector(40, [] { std::this_thread::sleep_for(100us); })); }});
  chosen.push_back({"OfSleepersWhoseNumberIsSought",
                    [] { adaptive.execute(std::vector(30, [] { std::this_thread::sleep_for(5ms); })); }});
  return chosen;
}

class OutOfMemory : public testing::TestWithParam<operation> {
 protected:
  void walk_through(memory::source from, memory::of whom) {
    have_workers();
    counted::reset();
    for (const auto how : {memory::refusal::once, memory::refusal::then_on}) {
      SCOPED_TRACE(how == memory::refusal::once ? "one refusal" : "nothing more");
      // A batch may find that its workers have been asked for by the batch before, and allocate nothing for that; on one
      // core nearly always.
      std::size_t refusals = 0;
      for (int round = 0; round != 100 && refusals == 0 && !HasFailure(); ++round)
        refusals = walk(GetParam(), from, whom, how, all_is_well);
      const bool may_be_none = from == memory::source::scheduler && fanout::available_concurrency() == 1;
      EXPECT_TRUE(refusals > 0 || may_be_none) << "nothing was refused";
      EXPECT_EQ(counted::population.alive(), 0);
    }
  }

 private:
  const watchdog guard_;
};

TEST_P(OutOfMemory, TheCallerIsRefused) { walk_through(memory::source::language, memory::of::this_thread); }
TEST_P(OutOfMemory, AnybodyIsRefused) { walk_through(memory::source::language, memory::of::all_threads); }

class OutOfMemoryInTheScheduler : public OutOfMemory {
 protected:
  OutOfMemoryInTheScheduler() { on_workers_of_onetbb = true; }
  ~OutOfMemoryInTheScheduler() override { on_workers_of_onetbb = false; }
};

TEST(OutOfMemoryOfNamedLimits, IsNoneOfTheSchedulers) {
  const std::vector tasks(20, [] { std::this_thread::sleep_for(100us); });
  const auto run = [&] {
    named().execute(tasks);
    execute_in_parallel(tasks, limit);
    named().execute(std::vector(4, [&] { named().execute(tasks); }));
    named().execute(std::vector(4, [&] { execute_in_parallel(tasks, 2); }));
  };
  for (int warm_up = 0; warm_up != 3; ++warm_up) run();
  memory::shortage shortage(memory::source::scheduler, memory::of::all_threads, memory::refusal::then_on, 0);
  run();
  EXPECT_FALSE(shortage.end());
}

TEST_P(OutOfMemoryInTheScheduler, TheCallerIsRefused) {
  walk_through(memory::source::scheduler, memory::of::this_thread);
}
TEST_P(OutOfMemoryInTheScheduler, AnybodyIsRefused) {
  walk_through(memory::source::scheduler, memory::of::all_threads);
}

TEST(OutOfMemoryOfScopes, IsNotBroughtOnByABurstOfTasksThatIsOver) {
  const watchdog guard;
  fanout::task_scope scope({.concurrency = 1});
  const std::ptrdiff_t before = memory::live_blocks();
  event over;
  scope.add([&] { EXPECT_TRUE(over.wait()); });
  for (int i = 0; i != 50'000; ++i) scope.add([] {});
  EXPECT_GT(memory::live_blocks() - before, 500);
  over.set();
  while (memory::live_blocks() - before > 20) std::this_thread::sleep_for(1ms);
  scope.join();
}

INSTANTIATE_TEST_SUITE_P(Batches, OutOfMemory, testing::ValuesIn(batches()), name_of);
INSTANTIATE_TEST_SUITE_P(Handles, OutOfMemory, testing::ValuesIn(handles()), name_of);
INSTANTIATE_TEST_SUITE_P(Scopes, OutOfMemory, testing::ValuesIn(scopes()), name_of);
INSTANTIATE_TEST_SUITE_P(Streams, OutOfMemory, testing::ValuesIn(streams()), name_of);
INSTANTIATE_TEST_SUITE_P(Pools, OutOfMemory, testing::ValuesIn(pools()), name_of);
INSTANTIATE_TEST_SUITE_P(FirstUse, OutOfMemoryInTheScheduler, testing::ValuesIn(first_uses()), name_of);
INSTANTIATE_TEST_SUITE_P(Later, OutOfMemoryInTheScheduler, testing::ValuesIn(operations_in_arenas_that_exist()),
                         name_of);

}  // namespace
