#include "faults/out_of_memory.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <ranges>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Every allocation of every call fails once. The call gives its result, or says that memory ran out; nothing is left
/// behind; and what was called is usable at once.
namespace {

using namespace support;
using fanout::error_policy;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::run_options;
using fanout::task_context;

constexpr std::size_t limit = 3;

/// Executors of every test's, whose threads are there before memory runs out.
executor& named() {
  static executor three({.concurrency = limit});
  return three;
}
executor& of_the_cores() {
  static executor automatic;
  return automatic;
}

/// The one that the operations use.
bool on_workers_of_onetbb = false;
executor& shared() { return on_workers_of_onetbb ? of_the_cores() : named(); }

void expect_limit(executor& on, std::size_t size) {
  rendezvous all(size);
  std::atomic<std::size_t> met = 0;
  on.execute(std::vector(size, [&] { met += all.meet() ? 1 : 0; }));
  if (met != size) throw std::logic_error("the executor does not reach its limit");
}

/// All threads of the executor with a named limit work together; the other one and free calls of either kind work.
void all_is_well() {
  expect_limit(named(), limit);
  const std::vector small(5, [] { return 1; });
  if (execute_in_parallel(small, 2).size() != 5 || execute_in_parallel(small).size() != 5) {
    throw std::logic_error("free calls do not work");
  }
  if (of_the_cores().execute(small).size() != 5) throw std::logic_error("the automatic executor does not work");
}

/// Too long to be kept within a string.
std::string long_text(std::size_t number) { return std::string(50, 'x') + std::to_string(number); }

using text_task = std::function<std::string(const task_context&)>;

std::vector<text_task> text_tasks(std::size_t count) {
  return std::vector<text_task>(count, [](const task_context& context) { return long_text(context.index()); });
}

void expect_texts(const std::vector<std::string>& texts, std::size_t count) {
  expect(texts.size() == count);
  for (std::size_t i = 0; i != count; ++i) expect(texts[i] == long_text(i));
}

/// A result that can be made only by a task, and that is counted.
struct text_of_task : counted {
  explicit text_of_task(std::size_t number) : counted(0), text(long_text(number)) {}
  std::string text;
};

/// Tasks of which some fail: numbers 3, 6, 9 …
std::vector<std::function<int(const task_context&)>> tasks_that_fail(std::size_t count) {
  return std::vector<std::function<int(const task_context&)>>(count, [](const task_context& context) {
    if (context.index() % 3 == 2) throw planned_failure();
    return static_cast<int>(context.index());
  });
}

bool was_planned(const fanout::task_error& error) { return !tells_of_memory(error.nested_ptr()); }

std::vector<operation> batches() {
  static const std::vector<text_task> tasks = text_tasks(12);
  static const auto failing = tasks_that_fail(12);
  static const std::vector<int> items = {1, 2, 3, 4, 5, 6, 7, 8};
  static std::stop_source never;

  return {
      {"Void",
       [] {
         std::atomic<int> ran = 0;
         shared().execute(std::vector(10, [&] { ++ran; }));
         expect(ran == 10);
       }},
      {"Values", [] { expect(shared().execute(std::vector(10, [] { return 7; })) == std::vector(10, 7)); }},
      {"Flags", [] { expect(shared().execute(std::vector(70, [] { return true; })) == std::vector(70, true)); }},
      {"Strings", [] { expect_texts(shared().execute(tasks), tasks.size()); }},
      {"ResultsWithoutADefault",
       [] {
         const auto made = shared().execute(
             std::vector(12, [](const task_context& context) { return text_of_task(context.index()); }));
         for (std::size_t i = 0; i != 12; ++i) expect(made[i].text == long_text(i));
       }},
      {"FreeNamed", [] { expect_texts(execute_in_parallel(tasks, limit), tasks.size()); }},
      {"FreeAutomatic", [] { expect_texts(execute_in_parallel(tasks), tasks.size()); }},
      {"Alone", [] { expect_texts(execute_in_parallel(tasks, 1), tasks.size()); }},
      {"ManyRunners", [] { expect_texts(execute_in_parallel(tasks, 7), tasks.size()); }},
      {"Map",
       [] {
         const auto texts = shared().map(items, [](int item) { return long_text(static_cast<std::size_t>(item)); });
         expect(texts.size() == items.size() && texts.back() == long_text(8));
       }},
      {"MapOfAList",
       [] {
         std::list<std::string> list;
         for (const int item : items) list.push_back(long_text(static_cast<std::size_t>(item)));
         const auto sizes = fanout::map_in_parallel(std::move(list), [](std::string each) { return each.size(); },
                                                    {.concurrency = 2});
         expect(sizes == std::vector<std::size_t>(items.size(), 51));
       }},
      {"MapOfWhatIsMadeOnTheFly",
       [] {
         auto range =
             items | std::views::transform([](int item) { return long_text(static_cast<std::size_t>(item)); });
         const auto texts = fanout::map_in_parallel(range, [](std::string each) { return each; }, {.concurrency = 2});
         expect(texts.size() == items.size() && texts.front() == long_text(1));
       }},
      {"Progress",
       [] {
         std::vector<std::string> told;
         run_options options{.concurrency = 2};
         options.on_progress = [&](std::size_t completed, std::size_t) { told.push_back(long_text(completed)); };
         expect_texts(shared().execute(tasks, options), tasks.size());
         expect(told.back() == long_text(tasks.size()));
       }},
      {"StopTokens",
       [] {
         const std::vector asking(8,
                                  [](const task_context& context) { return context.stop_token().stop_possible(); });
         expect(shared().execute(asking, {.stop = never.get_token()}) == std::vector(8, true));
       }},
      {"AStop",
       [] {
         std::stop_source source;
         try {
           shared().map(items, [&](int) { source.request_stop(); }, {.stop = source.get_token()});
         } catch (const fanout::operation_cancelled& e) {
           expect(e.total() == items.size() && e.errors().empty());
           return;
         }
         throw wrong_result();
       }},
      {"AFailureAndAStop",
       [] {
         std::stop_source source;
         const auto stop_and_fail = [&](int) {
           source.request_stop();
           throw planned_failure();
         };
         try {
           shared().map(items, stop_and_fail, {.on_error = error_policy::run_all, .stop = source.get_token()});
         } catch (const fanout::operation_cancelled& e) {
           expect(!e.errors().empty() && std::all_of(e.errors().begin(), e.errors().end(), was_planned));
           return;
         }
         throw wrong_result();
       }},
      {"AFailure",
       [] {
         try {
           static_cast<void>(shared().execute(failing));
         } catch (const fanout::task_error& e) {
           if (!was_planned(e)) throw;
           expect(e.index() % 3 == 2);
           return;
         }
         throw wrong_result();
       }},
      {"AllFailures",
       [] {
         try {
           static_cast<void>(shared().execute(failing, {.on_error = error_policy::run_all}));
         } catch (const fanout::aggregate_error& e) {
           expect(e.errors().size() >= 4);
           if (e.errors().size() != 4) throw;
           return;
         }
         throw wrong_result();
       }},
      {"Settle",
       [] {
         const auto outcomes = shared().settle(tasks);
         for (std::size_t i = 0; i != tasks.size(); ++i) {
           if (outcomes[i].has_value()) {
             expect(*outcomes[i] == long_text(i));
           } else {
             expect(outcomes[i].error() != nullptr && tells_of_memory(outcomes[i].error()));
           }
         }
       }},
      {"SettleOfFailures",
       [] {
         const auto outcomes = shared().settle(failing);
         for (std::size_t i = 0; i != failing.size(); ++i) expect(outcomes[i].has_value() == (i % 3 != 2));
         expect(!outcomes[0].cancelled());
         try {
           static_cast<void>(outcomes[2].value());
         } catch (const fanout::task_error& e) {
           expect(e.index() == 2 && was_planned(e));
           return;
         }
         throw wrong_result();
       }},
      {"Invoke",
       [] {
         const auto [text, nothing, number] =
             fanout::invoke_in_parallel([] { return long_text(1); }, [] {}, [] { return 3; });
         expect(text == long_text(1) && number == 3);
       }},
      {"Nested",
       [] {
         const auto outer = [](const task_context&) { return execute_in_parallel(tasks, 2).size(); };
         expect(shared().execute(std::vector(3, outer)) == std::vector<std::size_t>(3, tasks.size()));
       },
       /*slack=*/20},
      {"NestedInACycle",
       [] {
         static executor other({.concurrency = 2});
         const auto inner = [] { shared().execute(std::vector(3, [] {})); };
         const auto outer = [&] { other.execute(std::vector(3, inner)); };
         shared().execute(std::vector(limit, outer));
       },
       /*slack=*/4},
      {"Executor",
       [] {
         executor four({.concurrency = 4});
         executor moved = std::move(four);
         expect_texts(moved.execute(tasks), tasks.size());
       }},
      {"AutomaticExecutor", [] { expect_texts(executor().execute(tasks), tasks.size()); }},
      {"AdaptiveExecutor",
       [] { expect_texts(executor({.concurrency = 4, .adaptive = true}).execute(tasks), tasks.size()); }},
      {"BadInput",
       [] {
         try {
           execute_in_parallel(std::vector<std::function<void()>>(2), 2);
         } catch (const std::invalid_argument&) {
           return;
         }
         throw wrong_result();
       }},
  };
}

std::vector<operation> pools() {
  using fanout::pool_options;
  using fanout::resource_pool;
  using text_pool = resource_pool<std::string>;
  static const auto factory = [] { return long_text(0); };
  static const auto query = [](std::string& resource) { return resource + "!"; };
  static const auto is_answer = [](const std::string& text) { return text == long_text(0) + "!"; };

  return {
      {"Eager",
       [] {
         text_pool pool(factory, 3);
         expect(pool.idle() == 3 && *pool.acquire() == long_text(0));
       }},
      {"Lazy",
       [] {
         text_pool pool(factory, 3, {.lazy = true});
         const auto first = pool.acquire();
         const auto second = pool.try_acquire();
         expect(*first == long_text(0) && **second == long_text(0));
         expect(pool.statistics().created == 2 && pool.in_use() == 2);
       }},
      {"Discard",
       [] {
         text_pool pool(factory, 1);
         pool.acquire().discard();
         expect(*pool.acquire() == long_text(0) && pool.statistics().discarded == 1);
       }},
      {"Checked",
       [] {
         pool_options<std::string> options;
         bool bad = true;
         options.validate = [&](std::string&) { return !std::exchange(bad, false); };
         options.reset = [](std::string& each) { each.front() = 'x'; };
         options.lazy = true;
         text_pool pool(factory, 1, options);
         try {
           static_cast<void>(pool.acquire());
           throw wrong_result();
         } catch (const fanout::error& e) {
           expect(e.what() == std::string("a new resource failed its validation"));
         }
         expect(*pool.acquire() == long_text(0));
         bad = true;
         expect(*pool.acquire() == long_text(0));
       }},
      {"Outstanding",
       [] {
         pool_options<std::string> options;
         options.track_leases = true;
         text_pool pool(factory, 2, options);
         const auto lent = pool.acquire();
         expect(pool.outstanding().size() == 1);
       }},
      {"Timeout",
       [] {
         text_pool pool(factory, 1);
         const auto lent = pool.acquire();
         expect(!pool.try_acquire_for(10us).has_value());
         try {
           static_cast<void>(pool.acquire_for(10us));
         } catch (const fanout::pool_timeout&) {
           return;
         }
         throw wrong_result();
       }},
      {"Closed",
       [] {
         text_pool pool(factory, 1);
         pool.close();
         try {
           static_cast<void>(pool.acquire());
         } catch (const fanout::pool_closed&) {
           return;
         }
         throw wrong_result();
       }},
      {"WaitStopped",
       [] {
         text_pool pool(factory, 1);
         const auto lent = pool.acquire();
         std::stop_source source;
         source.request_stop();
         try {
           static_cast<void>(pool.acquire(source.get_token()));
         } catch (const fanout::operation_cancelled&) {
           return;
         }
         throw wrong_result();
       }},
      {"WaitForOneself",
       [] {
         text_pool pool(factory, 1);
         const auto twice = [&] {
           const auto first = pool.acquire();
           try {
             static_cast<void>(pool.acquire());
           } catch (const std::logic_error&) {
             return true;
           }
           return false;
         };
         expect(execute_in_parallel(std::vector(1, twice), 1).front());
       }},
      {"Waiting",
       [] {
         text_pool pool(factory, 1);
         const std::vector tasks(6, [&] { return pool.acquire()->size(); });
         expect(shared().execute(tasks) == std::vector<std::size_t>(6, long_text(0).size()));
       }},
      {"Execute",
       [] {
         text_pool pool(factory, 2, {.lazy = true});
         const auto answers = fanout::execute_with_pool(std::vector(8, query), pool);
         expect(answers.size() == 8 && std::all_of(answers.begin(), answers.end(), is_answer));
       }},
      {"ExecuteOnAnExecutor",
       [] {
         text_pool pool(factory, 2);
         const auto answers =
             shared().execute_with_pool(std::vector(8, query), pool, {.on_error = error_policy::run_all});
         expect(answers.size() == 8 && std::all_of(answers.begin(), answers.end(), is_answer));
       }},
      {"Map",
       [] {
         text_pool pool(factory, 2);
         const auto answers = fanout::map_with_pool(std::views::iota(0, 8), pool,
                                                    [](int, std::string& resource) { return query(resource); });
         expect(answers.size() == 8 && std::all_of(answers.begin(), answers.end(), is_answer));
       }},
  };
}

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

INSTANTIATE_TEST_SUITE_P(Batches, OutOfMemory, testing::ValuesIn(batches()), name_of);
INSTANTIATE_TEST_SUITE_P(Pools, OutOfMemory, testing::ValuesIn(pools()), name_of);
INSTANTIATE_TEST_SUITE_P(FirstUse, OutOfMemoryInTheScheduler, testing::ValuesIn(first_uses()), name_of);
INSTANTIATE_TEST_SUITE_P(Later, OutOfMemoryInTheScheduler, testing::ValuesIn(operations_in_arenas_that_exist()),
                         name_of);

}  // namespace
