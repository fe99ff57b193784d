#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "fanout/tuning.hpp"
#include "fanout/tuning_comparison.hpp"
#include "faults/out_of_memory.hpp"
#include "faults/refusing_memory.hpp"
#include "faults/refusing_threads.hpp"
#include "support.hpp"

/// A measurement, its report and its profile when memory or threads are refused, or the user's code throws.
namespace {

using namespace support;
using fanout::executor;
using fanout::tune;
using fanout::tuning_options;
using fanout::tuning_profile;
using fanout::tuning_progress;
using fanout::tuning_report;

/// As short as a measurement can be.
tuning_options shortest() {
  tuning_options options{.sizes = {1, 2}, .workload = "a workload whose name is too long to be kept in place"};
  options.min_repetitions = options.max_repetitions = 3;
  options.precision = 0.99;
  return options;
}

void workload(executor& on) {
  on.execute(std::vector(4, [] {}));
}

tuning_report measured() { return tune(&workload, shortest()); }

/// A folder that is gone when this ends, and a profile in it.
class place_for_a_profile {
 public:
  place_for_a_profile()
      : folder_(std::filesystem::temp_directory_path() / ("fanout-faults-" + std::to_string(::getpid()))),
        profile_(folder_ / "profile.json") {
    std::filesystem::create_directories(folder_);
  }
  place_for_a_profile(const place_for_a_profile&) = delete;
  place_for_a_profile& operator=(const place_for_a_profile&) = delete;
  ~place_for_a_profile() { std::filesystem::remove_all(folder_); }

  const std::filesystem::path& profile() const { return profile_; }
  std::size_t files() const {
    const memory::relief there_is_memory;  // libstdc++'s directory_iterator ends the process without
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

 private:
  std::filesystem::path folder_;
  std::filesystem::path profile_;
};

const place_for_a_profile& place() {
  static const place_for_a_profile here;
  return here;
}

// ── Memory ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// A report that has everything: two rows, and all that is optional.
const tuning_report& report() {
  static const tuning_report made = [] {
    fanout::tuning_results results{.workload = shortest().workload, .machine = fanout::this_machine()};
    results.machine.quota = 1.5;
    results.rows = {{.concurrency = 1, .repetitions = 3, .median_seconds = 2, .low_seconds = 1, .high_seconds = 3},
                    {.concurrency = 2,
                     .repetitions = 3,
                     .median_seconds = 1,
                     .low_seconds = 0.5,
                     .high_seconds = 1.5,
                     .peak_memory_bytes = 1'000'000}};
    results.recommended = 2;
    results.reason = "a reason that is too long to be kept in place";
    return tuning_report(std::move(results));
  }();
  return made;
}

const tuning_profile& profile() {
  static const tuning_profile made = [] {
    tuning_profile empty(report().machine());
    empty.add(report());
    return empty;
  }();
  return made;
}

std::vector<operation> operations() {
  return {
      {"Tune", [] { expect(measured().rows().size() == 2); }},
      {"TuneOfTasks",
       [] {
         expect(tune(
                    4, [](int) {}, shortest())
                    .rows()
                    .size() == 2);
       }},
      {"TuneWithProgress",
       [] {
         tuning_options options = shortest();
         std::size_t runs = 0;
         options.on_progress = [&](const tuning_progress& now) { runs = now.measurements; };
         expect(tune(&workload, options).rows().size() == 2 && runs == 6);
       }},
      {"Compare",
       [] {
         using scheduler = fanout::comparison_scheduler;
         const fanout::comparison_options options{
             .concurrency = {2}, .baselines = {scheduler::serial(), scheduler::thread_pool()}, .repetitions = 1};
         expect(fanout::compare(2, [](int i) { return i; }, options).rows().size() == 2);
       }},
      {"TextsOfAComparison",
       [] {
         static const fanout::comparison_report compared =
             fanout::compare(2, [](int i) { return i; }, {.concurrency = {1, 2}, .repetitions = 1});
         expect(!compared.to_table().empty() && !compared.to_csv().empty());
         expect(!compared.to_json().empty() && !compared.to_page().empty());
       }},
      {"Table", [] { expect(!report().to_table().empty()); }},
      {"Csv", [] { expect(!report().to_csv().empty()); }},
      {"WriteJson", [] { expect(!report().to_json().empty()); }},
      {"ReadJson",
       [] {
         static const std::string json = report().to_json();
         expect(tuning_report::from_json(json) == report());
       }},
      {"ReadDamagedJson",
       [] {
         static const std::string json = report().to_json();
         for (const std::string& damaged : {json.substr(0, json.size() / 2), json.substr(0, json.size() / 3) + "}"}) {
           try {
             static_cast<void>(tuning_report::from_json(damaged));
           } catch (const fanout::tuning_error&) {
             continue;
           }
           throw wrong_result();
         }
       }},
      {"ReadWhatContradictsItself",
       [] {
         static const std::string json = [] {
           std::string text = report().to_json();
           return text.replace(text.find("\"recommended\": 2"), 16, "\"recommended\": 9");
         }();
         try {
           static_cast<void>(tuning_report::from_json(json));
         } catch (const fanout::tuning_error&) {
           return;
         }
         throw wrong_result();
       }},
      {"Profile",
       [] {
         static const std::string json = profile().to_json();
         tuning_profile read = tuning_profile::from_json(json);
         read.add(report());
         expect(read == profile() && read.to_json() == json);
       }},
      {"ProfileInAFile",
       [] {
         profile().save(place().profile());
         expect(tuning_profile::load(place().profile()) == profile());
         expect(place().files() == 1);
       }},
  };
}

class OutOfMemoryInTuning : public testing::TestWithParam<operation> {
 protected:
  static void walk_through(memory::of whom, memory::refusal how) {
    const watchdog guard;
    executor four({.concurrency = 4});  // its worker starts while there is memory
    four.execute(std::vector(100, [] { std::this_thread::sleep_for(100us); }));
    const auto nothing_is_broken = [] {
      // A profile is the old one or the new one, and no file is left beside it.
      if (place().files() > 1) throw std::logic_error("a file was left behind");
      if (place().files() == 1 && tuning_profile::load(place().profile()) != profile()) {
        throw std::logic_error("a profile was damaged");
      }
    };
    EXPECT_GT(walk(GetParam(), memory::source::language, whom, how, nothing_is_broken), 0U) << "nothing was refused";
  }
};

TEST_P(OutOfMemoryInTuning, OneRefusalToTheCaller) { walk_through(memory::of::this_thread, memory::refusal::once); }
TEST_P(OutOfMemoryInTuning, NothingMoreForTheCaller) {
  walk_through(memory::of::this_thread, memory::refusal::then_on);
}
TEST_P(OutOfMemoryInTuning, NothingMoreForAnybody) {
  walk_through(memory::of::all_threads, memory::refusal::then_on);
}

INSTANTIATE_TEST_SUITE_P(Operations, OutOfMemoryInTuning, testing::ValuesIn(operations()), name_of);

// ── The user's code ─────────────────────────────────────────────────────────────────────────────────────────────

/// Throws at its n-th call.
struct fuse {
  std::size_t blows_at;
  std::size_t calls = 0;
  void burn() {
    if (calls++ == blows_at) throw planned_failure();
  }
};

TEST(ThrowingCallbacksOfTuning, AWorkloadThatThrowsAtAnyRunArrivesAsItIs) {
  const auto runs = [](fuse& with) {
    tune(
        [&](executor& on) {
          with.burn();
          workload(on);
        },
        shortest());
  };
  fuse never{SIZE_MAX};
  runs(never);
  ASSERT_EQ(never.calls, 8U);  // one to warm up and three that count, at two sizes
  for (std::size_t call = 0; call != never.calls; ++call) {
    fuse with{call};
    EXPECT_THROW(runs(with), planned_failure);
    EXPECT_EQ(with.calls, call + 1);
  }
}

TEST(ThrowingCallbacksOfTuning, ATaskThatThrowsAtAnyRunArrivesAsATaskError) {
  const auto runs = [](std::atomic<std::size_t>& calls, std::size_t blows_at) {
    tune(
        3,
        [&](int) {
          if (calls++ == blows_at) throw planned_failure();
        },
        shortest());
  };
  std::atomic<std::size_t> never = 0;
  runs(never, SIZE_MAX);
  ASSERT_EQ(never, 24U);
  for (std::size_t call = 0; call != never; ++call) {
    std::atomic<std::size_t> calls = 0;
    try {
      runs(calls, call);
      FAIL() << "no exception";
    } catch (const fanout::task_error& e) {
      EXPECT_THROW(e.rethrow_nested(), planned_failure);
    }
  }
}

TEST(ThrowingCallbacksOfTuning, AProgressCallbackThatThrowsAtAnyCallArrivesAsItIs) {
  const auto runs = [](fuse& with) {
    tuning_options options = shortest();
    options.on_progress = [&](const tuning_progress&) { with.burn(); };
    tune(&workload, options);
  };
  fuse never{SIZE_MAX};
  runs(never);
  ASSERT_EQ(never.calls, 9U);  // before each run, and at the end
  for (std::size_t call = 0; call != never.calls; ++call) {
    fuse with{call};
    EXPECT_THROW(runs(with), planned_failure);
    EXPECT_EQ(with.calls, call + 1);
  }
}

// ── Threads ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(RefusedThreadsInTuningDeathTest, ASizeIsLeftOutUnlessThereIsNoOther) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto program = [] {  // in a process in which no thread of oneTBB exists yet
    threads::limit(0);
    const auto is_alone = [](const tuning_report& report) {
      return report.rows().size() == 1 && report.recommended() == 1 &&
             report.reason().find("Sizes from 2 up were left out") != std::string::npos;
    };
    tuning_options options = shortest();
    if (!is_alone(tune(&workload, options)) || !is_alone(tune(
                                                   4, [](int) {}, options)))
      std::_Exit(1);
    options.sizes = {2};
    try {
      tune(&workload, options);
      std::_Exit(2);
    } catch (const fanout::resource_error&) {
    }
    options.sizes.clear();
    if (fanout::available_concurrency() > 1 && !is_alone(tune(&workload, options))) std::_Exit(3);
    threads::no_limit();
    std::_Exit(measured().rows().size() == 2 ? 0 : 4);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

}  // namespace
