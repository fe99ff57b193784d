#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>

#include "model/primitives.hpp"
#include "model/sleep_sets.hpp"

/// How a scenario is explored: a `rl::test_suite`, in which some threads run the code under test.
///
/// The checker is **Relacy** (D. Vyukov; Debian's relacy-dev), which simulates the threads and the C++ memory model: what
/// is run are the templates that the library itself is made of. Debian's other candidate, spin, checks a model in a
/// language of its own, which says nothing about the code once the two have drifted apart; CDSChecker and GenMC are in
/// neither Debian nor npm. Relacy's full search takes every order of every step, though, too many for more than a dozen
/// steps: sleep_sets.hpp adds one that leaves out what makes no difference.
///
/// **What is exhaustive**, in the scenarios of `every_execution`: each interleaving of the steps at atomics, fences, mutexes
/// and condition variables, each moment at which a limit may pass, and for each load the newest value or, where the memory
/// model allows it, the one before. With two threads, each atomic's compare-and-swap may also fail once for no reason.
/// Two threads are searched in seconds. Three are in some scenarios, the larger of them with FANOUT_MODEL=long; what is too
/// large even for that, three runners that share a cursor and steal from each other, is searched by chance. A store that
/// becomes visible after a later load (what a sequentially consistent fence is for, or a light one that meets a heavy
/// one), a missing acquire or release, a deadlock, endless spinning, and a data race on what a scenario calls a resource
/// are found.
///
/// **What is not**: values older than the second newest (searches by chance see the third, and spurious wake-ups); a
/// compare-and-swap that fails reads the newest; a load never sees a store that comes later in time; a heavy fence reaches
/// the other threads in one order; of variables that are guarded by the mutex only the values are checked, not that it
/// guards them, which is ThreadSanitizer's part; more threads and more rounds than the scenarios have.
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

  std::ostringstream schedule;  // the same execution once more, to write down its steps
  parameters.initial_state = state.str();
  parameters.collect_history = true;
  parameters.output_stream = &schedule;
  rl::run_test<Scenario, Scheduler>(parameters, state, true);
  EXPECT_EQ(parameters.test_result, found.result) << "a scenario must be the same each time";
  found.schedule = schedule.str();
  return found;
}

/// Every execution: each order of the threads' steps that makes a difference, and each value that the loads may give.
template <class Scenario>
finding every_execution() {
  rl::test_params parameters;
  parameters.search_type = rl::sched_full;
  return search<Scenario, sleep_set_scheduler<Scenario::params::thread_count>>(parameters);
}

/// The same, one by one, as Relacy does it.
template <class Scenario>
finding every_execution_by_brute_force() {
  rl::test_params parameters;
  parameters.search_type = rl::sched_full;
  return search<Scenario, rl::full_search_scheduler<Scenario::params::thread_count>>(parameters);
}

/// Executions by chance, with spurious wake-ups and with older values than the search of all looks at.
template <class Scenario>
finding some_executions(rl::iteration_t executions) {
  rl::test_params parameters;
  parameters.search_type = rl::sched_random;
  parameters.iteration_count = executions;
  return search<Scenario, rl::random_scheduler<Scenario::params::thread_count>>(parameters);
}

/// What the searches find if somebody had made this mistake.
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

/// Whether more is asked for than what takes seconds.
inline bool has_time() {
  const char* const asked = std::getenv("FANOUT_MODEL");
  return asked != nullptr && std::string_view(asked) == "long";
}

/// What each scenario begins with. Relacy would watch what is allocated, and each release would double the executions, as
/// the memory may be reused at once or not. No scenario is about memory.
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
