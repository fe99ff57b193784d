#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <cstddef>
#include <memory>
#include <system_error>

#include "fanout/executor.hpp"
#include "fanout/tuning_comparison.hpp"
#include "tuning/async_rounds.hpp"
#include "tuning/thread_pool.hpp"
#include "tuning/thread_rounds.hpp"

namespace fanout {
namespace {

/// The system's own text is only "Resource temporarily unavailable".
[[noreturn]] void throw_refused_thread(const std::system_error& refused) {
  throw std::system_error(refused.code(), "cannot start a thread");
}

/// `Scheduler` has `run(n, f)`, and perhaps all of its threads from the beginning.
template <class Scheduler>
comparison_scheduler scheduler_with_threads(const char* name) {
  return {name, [](std::size_t concurrency) {
            try {
              return [scheduler = std::make_shared<Scheduler>(concurrency)](const compared_run& tasks) {
                try {
                  scheduler->run(tasks.size(), tasks);
                } catch (const std::system_error& refused) {
                  throw_refused_thread(refused);
                }
              };
            } catch (const std::system_error& refused) {
              throw_refused_thread(refused);
            }
          }};
}

/// Creates the executor in its first run, which is not counted, when the other schedulers have their threads. oneTBB
/// ends the process if it cannot start a worker, so an executor checks how many threads are left; a thread pool that
/// took them after that check would make it void.
class executor_scheduler {
 public:
  void operator()(const compared_run& tasks) {
    if (!executor_) {
      executor_ = std::make_shared<executor>(executor_options{.concurrency = tasks.concurrency()});
    }
    executor_->map(tasks.size(), tasks);
  }

 private:
  std::shared_ptr<executor> executor_;
};

class arena_scheduler {
 public:
  explicit arena_scheduler(std::size_t concurrency)
      : arena_(std::make_shared<tbb::task_arena>(static_cast<int>(concurrency))) {}

  void operator()(const compared_run& tasks) const {
    arena_->execute([&] { tbb::parallel_for(std::size_t{0}, tasks.size(), [&](std::size_t i) { tasks(i); }); });
  }

 private:
  std::shared_ptr<tbb::task_arena> arena_;
};

}  // namespace

comparison_scheduler comparison_scheduler::serial() {
  return {"serial", [](const compared_run& tasks) {
            for (std::size_t i = 0; i != tasks.size(); ++i) tasks(i);
          }};
}

comparison_scheduler comparison_scheduler::executor() {
  return {"fanout", [](std::size_t) { return executor_scheduler(); }};
}

comparison_scheduler comparison_scheduler::thread_rounds() {
  return scheduler_with_threads<detail::thread_rounds>("thread-rounds");
}

comparison_scheduler comparison_scheduler::thread_pool() {
  return scheduler_with_threads<detail::thread_pool>("thread-pool");
}

comparison_scheduler comparison_scheduler::async() {
  return scheduler_with_threads<detail::async_rounds>("async");
}

comparison_scheduler comparison_scheduler::task_arena() {
  return {"task-arena", [](std::size_t concurrency) { return arena_scheduler(concurrency); }};
}

std::vector<comparison_scheduler> comparison_scheduler::all() {
  std::vector<comparison_scheduler> made;
  for (const auto make : {&serial, &comparison_scheduler::executor, &thread_rounds, &thread_pool, &async, &task_arena})
    made.push_back(make());
  return made;
}

}  // namespace fanout
