#pragma once

#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "model/primitives.hpp"

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

std::ostream& operator<<(std::ostream& out, const finding& found);

/// A scenario of any type.
struct any_scenario {
  any_scenario() = default;
  any_scenario(const any_scenario&) = delete;
  any_scenario& operator=(const any_scenario&) = delete;
  virtual ~any_scenario() = default;
  virtual void before() = 0;
  virtual void thread(unsigned number) = 0;
  virtual void after() = 0;
};

template <class Scenario>
struct scenario_of_type final : any_scenario {
  static std::unique_ptr<any_scenario> make() { return std::make_unique<scenario_of_type>(); }
  void before() override { scenario_.before(); }
  void thread(unsigned number) override { scenario_.thread(number); }
  void after() override { scenario_.after(); }
  Scenario scenario_;
};

/// Which executions of a scenario are looked at.
enum class executions {
  every,           // each order of the threads' steps that makes a difference, and each value that the loads may give
  by_brute_force,  // the same, one by one, as Relacy does it
  by_chance,       // with spurious wake-ups and with older values than the search of all looks at
};

/// `count` is that of executions by chance.
finding search(std::unique_ptr<any_scenario> (*make)(), rl::thread_id_t threads, executions which,
               rl::iteration_t count = 0);

template <class Scenario>
finding every_execution() {
  return search(scenario_of_type<Scenario>::make, Scenario::params::thread_count, executions::every);
}
template <class Scenario>
finding every_execution_by_brute_force() {
  return search(scenario_of_type<Scenario>::make, Scenario::params::thread_count, executions::by_brute_force);
}
template <class Scenario>
finding some_executions(rl::iteration_t count) {
  return search(scenario_of_type<Scenario>::make, Scenario::params::thread_count, executions::by_chance, count);
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

/// A scenario whose threads are on one core, so that none that spins sees what it is given.
template <class Scenario>
struct on_one_core : Scenario {
  on_one_core() { primitives::has_one_core = true; }
  on_one_core(const on_one_core&) = delete;
  on_one_core& operator=(const on_one_core&) = delete;
  ~on_one_core() { primitives::has_one_core = false; }
};

/// Whether FANOUT_MODEL=long asks for scenarios that take minutes.
inline bool has_time() {
  const char* const asked = std::getenv("FANOUT_MODEL");
  return asked != nullptr && std::string_view(asked) == "long";
}

}  // namespace model
