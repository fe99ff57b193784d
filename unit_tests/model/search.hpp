#pragma once

#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "model/primitives.hpp"

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

}  // namespace model
