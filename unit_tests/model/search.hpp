#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>

#include "model/primitives.hpp"
#include "model/sleep_sets.hpp"

/// Explores the executions of a scenario: a `rl::test_suite` whose threads run the code under test.
///
/// The model checker is **Relacy** (D. Vyukov; Debian's relacy-dev). It simulates threads and the C++ memory model,
/// and runs the same templates that the library is built from. Debian also has spin, but that checks a model in a
/// language of its own, which says nothing about the code once the two have drifted apart. CDSChecker and GenMC are
/// in neither Debian nor npm. Relacy's full search takes every order of all steps, which is too many for more than a
/// dozen steps. So sleep_sets.hpp adds a search that skips orders which make no difference.
///
/// **The search is exhaustive**, in the scenarios of `every_execution`, over
///
///   - each interleaving of the steps at atomics, fences, mutexes and condition variables;
///   - each moment at which a timeout may pass;
///   - for each load, the newest value and, where the memory model allows it, the one before;
///   - with two threads, one spurious failure of the compare-and-swap of each atomic.
///
/// It finds stores that become visible after a later load (which a sequentially consistent fence prevents, or a light
/// fence with a heavy one), missing acquires and releases, deadlocks, endless spinning, and data races on what a
/// scenario calls a resource.
///
/// Two threads take seconds. Some scenarios have three, the larger ones only with FANOUT_MODEL=long. Three runners
/// that share a cursor and steal from each other are too many even for that, so their executions are sampled at
/// random.
///
/// **It does not cover** the following:
///
///   - values older than the second newest (random searches see the third newest, and spurious wake-ups);
///   - older values in a compare-and-swap that fails, which reads the newest;
///   - loads that see a store which comes later in time;
///   - heavy fences that reach the other threads in different orders;
///   - whether a mutex really guards the variables that it should: only their values are checked here, the rest by
///     ThreadSanitizer;
///   - more threads and more rounds than the scenarios have.
namespace model {

struct finding {
  rl::test_result_e result;
  rl::iteration_t executions;
  std::string schedule;  // of the execution that failed, step by step

  bool holds() const { return result == rl::test_result_success; }
};

inline std::ostream& operator<<(std::ostream& out, const finding& found) {
  return out << rl::test_result_str(found.result) << " after " << found.executions << " executions\n"
             << found.schedule;
}

template <class Scenario, class Scheduler>
finding search(rl::test_params parameters) {
  std::ostringstream progress;
  std::ostringstream state;
  parameters.progress_stream = &progress;
  rl::run_test<Scenario, Scheduler>(parameters, state, false);
  finding found{parameters.test_result, parameters.stop_iteration, {}};
  if (found.holds()) {
    std::cout << "[ searched ] " << found.executions << " executions" << std::endl;
    return found;
  }

  std::ostringstream schedule;  // the failed execution is repeated, to record its steps
  parameters.initial_state = state.str();
  parameters.collect_history = true;
  parameters.output_stream = &schedule;
  rl::run_test<Scenario, Scheduler>(parameters, state, true);
  EXPECT_EQ(parameters.test_result, found.result) << "a scenario must be deterministic";
  found.schedule = schedule.str();
  return found;
}

/// Searches every execution: each order of the threads' steps that makes a difference, and each value that a load may
/// return.
template <class Scenario>
finding every_execution() {
  rl::test_params parameters;
  parameters.search_type = rl::sched_full;
  return search<Scenario, sleep_set_scheduler<Scenario::params::thread_count>>(parameters);
}

/// The same by Relacy's own search, which also takes the orders that make no difference.
template <class Scenario>
finding every_execution_by_brute_force() {
  rl::test_params parameters;
  parameters.search_type = rl::sched_full;
  return search<Scenario, rl::full_search_scheduler<Scenario::params::thread_count>>(parameters);
}

/// Searches random executions, with spurious wake-ups, and with older values than `every_execution` covers.
template <class Scenario>
finding some_executions(rl::iteration_t executions) {
  rl::test_params parameters;
  parameters.search_type = rl::sched_random;
  parameters.iteration_count = executions;
  return search<Scenario, rl::random_scheduler<Scenario::params::thread_count>>(parameters);
}

/// The same searches with a planted mistake.
template <class Scenario>
finding every_execution_with(const mistake& made) {
  const planting here(made);
  return every_execution<Scenario>();
}
template <class Scenario>
finding some_executions_with(const mistake& made) {
  const planting here(made);
  return some_executions<Scenario>(1'000'000);
}

/// Whether FANOUT_MODEL=long asks for scenarios that take minutes.
inline bool has_time() {
  const char* const asked = std::getenv("FANOUT_MODEL");
  return asked != nullptr && std::string_view(asked) == "long";
}

/// Each scenario begins with one of these. It turns off Relacy's tracking of allocations: each deallocation would
/// double the executions, because the memory may be reused at once or not, and no scenario is about memory.
struct fresh_start {
  fresh_start() {
    struct reach : rl::context {
      static int rl::context::*switch_of_watching() { return &reach::disable_alloc_; }
    };
    rl::ctx().*reach::switch_of_watching() = 1;
    put_off = nullptr;
    put_off_to_next_store.fill(nullptr);
    asymmetric_fence::begin_execution();
  }
};

}  // namespace model
