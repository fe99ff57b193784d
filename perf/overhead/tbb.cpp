#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include "overhead/workload.hpp"

namespace {

// The hand-written loop: no limit beyond the cores, no errors by index, no progress, no stop.
const bool entered = [] {
  overhead::enter("tbb_parallel_for", [](auto& tasks) {
    static tbb::task_arena arena;
    std::vector<long> results(tasks.size());
    arena.execute([&] {
      tbb::parallel_for(std::size_t{0}, tasks.size(), [&](std::size_t i) { results[i] = tasks[i](); });
    });
    return results;
  });
  return true;
}();

}  // namespace
