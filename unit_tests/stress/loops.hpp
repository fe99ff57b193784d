#pragma once

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_group.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <ranges>
#include <thread>
#include <vector>

#include "support.hpp"
#include "observer.hpp"
#include "plan.hpp"
#include "world.hpp"

/// Loops of oneTBB in tasks. Each turn runs a batch, on the thread that oneTBB chooses. The loop must end, all its
/// turns must run, and the limit of the executor that they call must hold.
namespace stress {

/// Runs the batch of a turn: short tasks that wait for nothing.
inline void run_turn(const loop_plan& loop, measured_executor& called, observer& seen) {
  const auto work = [&called](std::size_t index) {
    const support::gauge::visit inside(called.at_work_in_loops);
    if (index % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
    return 2 * index;
  };
  const std::vector<std::size_t> doubled = called.executor.map(std::views::iota(std::size_t{0}, loop.tasks), work);
  for (std::size_t index = 0; index != doubled.size(); ++index) {
    if (doubled[index] != 2 * index) seen.notice("a turn of a loop has the result of another task");
  }
  if (doubled.size() != loop.tasks) seen.notice("a turn of a loop lost results");
}

inline void run_loop(const loop_plan& loop, measured_executor& called, observer& seen) {
  std::atomic<std::size_t> turns{0};
  const auto turn = [&] {
    run_turn(loop, called, seen);
    ++turns;
  };
  if (loop.by_task_group) {
    tbb::task_group group;
    for (std::size_t count = 0; count != loop.turns; ++count) group.run(turn);
    group.wait();
  } else {
    tbb::parallel_for(
        std::size_t{0}, loop.turns, [&turn](std::size_t /*unused*/) { turn(); }, tbb::simple_partitioner());
  }
  if (turns != loop.turns) seen.notice("a loop in a task left out turns");
}

}  // namespace stress
