#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace perf {

/// An arena as one makes it who knows oneTBB: beyond the cores an arena gets its threads only while a
/// `global_control` allows them.
class tbb_arena {
 public:
  explicit tbb_arena(std::size_t concurrency) : arena_(static_cast<int>(concurrency)) {
    if (static_cast<int>(concurrency) > tbb::info::default_concurrency()) {
      more_threads_.emplace(tbb::global_control::max_allowed_parallelism, concurrency);
    }
    arena_.initialize();
  }

  tbb::task_arena& arena() { return arena_; }

 private:
  std::optional<tbb::global_control> more_threads_;
  tbb::task_arena arena_;
};

/// With the `auto_partitioner`, which is what one gets who names none.
class tbb_parallel_for : tbb_arena {
 public:
  static constexpr const char* name = "tbb_parallel_for";

  using tbb_arena::tbb_arena;

  template <class Body>
  void run(std::size_t size, const Body& body) {
    arena().execute([&] { tbb::parallel_for(std::size_t{0}, size, [&body](std::size_t i) { body(i); }); });
  }
};

/// Makes the vector of the results, too, as fanout does.
class tbb_parallel_for_vector : tbb_parallel_for {
 public:
  static constexpr const char* name = "tbb_parallel_for_vector";

  using tbb_parallel_for::run;
  using tbb_parallel_for::tbb_parallel_for;

  template <class Task>
  std::vector<long> map(std::size_t size, const Task& task) {
    std::vector<long> results(size);
    run(size, [places = results.data(), &task](std::size_t i) { places[i] = task(i); });
    return results;
  }
};

/// A task each. The last one runs on the calling thread at once, which would otherwise have to fetch it.
class tbb_task_group : tbb_arena {
 public:
  static constexpr const char* name = "tbb_task_group";

  using tbb_arena::tbb_arena;

  template <class Body>
  void run(std::size_t size, const Body& body) {
    if (size == 0) return;
    arena().execute([&] {
      tbb::task_group group;
      for (std::size_t i = 0; i + 1 < size; ++i) group.run([&body, i] { body(i); });
      group.run_and_wait([&body, size] { body(size - 1); });
    });
  }
};

}  // namespace perf
