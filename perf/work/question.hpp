#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <fanout/limits.hpp>

#include "harness/defaults.hpp"
#include "harness/measure.hpp"
#include "workloads/workload.hpp"

/// The question: what is left of all this where tasks do real work? The workloads are those of `fanout compare`:
/// `compress` packs the files below /usr/share/doc with zstd, a file a task; `mandelbrot` computes an image, a row a task.
namespace work {

inline const bool asked = perf::ask({.repetitions = 7, .min_time = 0.005});

struct job {
  std::unique_ptr<tool::workload> tasks;
  std::vector<long> expected;  // what each task gives
};

/// Made once, with the results of a first run. Without the files there is no `compress`.
const std::vector<job>& jobs();

template <class Competitor>
void enter() {
  for (const job& each : jobs()) {
    perf::measure<Competitor>(
        std::string(each.tasks->name()), fanout::available_concurrency(), each.tasks->task_count(),
        [&each](std::size_t i) { return static_cast<long>(each.tasks->run(i, {})); },
        [&each](std::size_t i) { return each.expected[i]; });
  }
}

}  // namespace work
