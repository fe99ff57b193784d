#pragma once

#include <dispenso/parallel_for.h>
#include <dispenso/task_set.h>
#include <dispenso/thread_pool.h>

#include <cstddef>

namespace perf {

/// dispenso, whose authors report it faster than oneTBB. The calling thread works, too, so its pool has one thread less.
class dispenso_pool {
 public:
  explicit dispenso_pool(std::size_t concurrency) : pool(concurrency - 1) {}

 protected:
  dispenso::ThreadPool pool;
};

/// Shares that are fixed when the loop begins: its default.
class dispenso_parallel_for : dispenso_pool {
 public:
  static constexpr const char* name = "dispenso_parallel_for";

  using dispenso_pool::dispenso_pool;

  template <class Body>
  void run(std::size_t size, const Body& body) {
    dispenso::TaskSet tasks(pool);
    dispenso::parallel_for(tasks, std::size_t{0}, size, body);
  }
};

/// Threads that are done take from the shares of others: what it recommends where tasks differ.
class dispenso_adaptive : dispenso_pool {
 public:
  static constexpr const char* name = "dispenso_adaptive";

  using dispenso_pool::dispenso_pool;

  template <class Body>
  void run(std::size_t size, const Body& body) {
    dispenso::TaskSet tasks(pool);
    dispenso::ParForOptions options;
    options.defaultChunking = dispenso::ParForChunking::kAdaptive;
    dispenso::parallel_for(tasks, std::size_t{0}, size, body, options);
  }
};

/// A task of the pool for each. Where its queue is long, `schedule` runs the task itself.
class dispenso_task_set : dispenso_pool {
 public:
  static constexpr const char* name = "dispenso_task_set";

  using dispenso_pool::dispenso_pool;

  template <class Body>
  void run(std::size_t size, const Body& body) {
    dispenso::TaskSet tasks(pool);
    for (std::size_t i = 0; i != size; ++i) tasks.schedule([&body, i] { body(i); });
    tasks.wait();
  }
};

}  // namespace perf
