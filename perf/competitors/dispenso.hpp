#pragma once

#include <dispenso/parallel_for.h>
#include <dispenso/task_set.h>
#include <dispenso/thread_pool.h>

#include <cstddef>

/// dispenso, whose authors report it faster than oneTBB. The calling thread works, too, so its pool has one thread less.
namespace perf {

/// Shares that are fixed when the loop begins: its default.
class dispenso_parallel_for {
 public:
  static constexpr const char* name = "dispenso_parallel_for";

  explicit dispenso_parallel_for(std::size_t concurrency) : pool_(concurrency - 1) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    dispenso::TaskSet tasks(pool_);
    dispenso::parallel_for(tasks, std::size_t{0}, size, body);
  }

 private:
  dispenso::ThreadPool pool_;
};

/// Threads that are done take from the shares of others: what it recommends where tasks differ.
class dispenso_adaptive {
 public:
  static constexpr const char* name = "dispenso_adaptive";

  explicit dispenso_adaptive(std::size_t concurrency) : pool_(concurrency - 1) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    dispenso::TaskSet tasks(pool_);
    dispenso::ParForOptions options;
    options.defaultChunking = dispenso::ParForChunking::kAdaptive;
    dispenso::parallel_for(tasks, std::size_t{0}, size, body, options);
  }

 private:
  dispenso::ThreadPool pool_;
};

/// A task of the pool for each. Where its queue is long, `schedule` runs the task itself.
class dispenso_task_set {
 public:
  static constexpr const char* name = "dispenso_task_set";

  explicit dispenso_task_set(std::size_t concurrency) : pool_(concurrency - 1) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    dispenso::TaskSet tasks(pool_);
    for (std::size_t i = 0; i != size; ++i) tasks.schedule([&body, i] { body(i); });
    tasks.wait();
  }

 private:
  dispenso::ThreadPool pool_;
};

}  // namespace perf
