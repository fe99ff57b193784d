// Relacy's simulator is a template on the scenario, the scheduler and the number of threads, and takes a compiler longer than
// any scenario does. So it is compiled here, once, for a scenario of any type.

#include "model/search.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <sstream>

#include "model/sleep_sets.hpp"

namespace model {
namespace {

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

/// Makes the scenario that is searched.
std::unique_ptr<any_scenario> (*make_scenario)() = nullptr;

/// What Relacy sees of it.
template <rl::thread_id_t threads>
struct any_suite : rl::test_suite<any_suite<threads>, threads> {
  void before() { scenario_->before(); }
  void thread(unsigned number) { scenario_->thread(number); }
  void after() { scenario_->after(); }

  fresh_start fresh_;
  std::unique_ptr<any_scenario> scenario_ = make_scenario();
};

template <template <rl::thread_id_t> class Scheduler, rl::thread_id_t threads>
finding search_by(rl::test_params parameters) {
  std::ostringstream progress;
  std::ostringstream state;
  parameters.progress_stream = &progress;
  rl::run_test<any_suite<threads>, Scheduler<threads>>(parameters, state, false);
  finding found{parameters.test_result, parameters.stop_iteration, {}};
  if (found.holds()) {
    std::cout << "[ searched ] " << found.executions << " executions" << std::endl;
    return found;
  }

  std::ostringstream schedule;  // the same execution once more, to write down its steps
  parameters.initial_state = state.str();
  parameters.collect_history = true;
  parameters.output_stream = &schedule;
  rl::run_test<any_suite<threads>, Scheduler<threads>>(parameters, state, true);
  EXPECT_EQ(parameters.test_result, found.result) << "a scenario must be the same each time";
  found.schedule = schedule.str();
  return found;
}

/// Four threads are too many for all executions.
template <template <rl::thread_id_t> class Scheduler>
finding search_by(const rl::test_params& parameters, rl::thread_id_t threads) {
  EXPECT_TRUE(threads == 2 || threads == 3);
  return threads == 2 ? search_by<Scheduler, 2>(parameters) : search_by<Scheduler, 3>(parameters);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const finding& found) {
  return out << rl::test_result_str(found.result) << " after " << found.executions << " executions\n"
             << found.schedule;
}

finding search(std::unique_ptr<any_scenario> (*make)(), rl::thread_id_t threads, executions which,
               rl::iteration_t count) {
  make_scenario = make;
  rl::test_params parameters;
  parameters.search_type = which == executions::by_chance ? rl::sched_random : rl::sched_full;
  parameters.iteration_count = count;
  if (which == executions::every) return search_by<sleep_set_scheduler>(parameters, threads);
  if (which == executions::by_brute_force) return search_by<rl::full_search_scheduler>(parameters, threads);
  if (threads == 4) return search_by<rl::random_scheduler, 4>(parameters);
  return search_by<rl::random_scheduler>(parameters, threads);
}

}  // namespace model
