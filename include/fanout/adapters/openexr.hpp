#pragma once

#include <OpenEXR/IlmThreadPool.h>

#include <atomic>
#include <memory>
#include <shared_mutex>

#include "fanout/task_context.hpp"
#include "fanout/task_scope.hpp"

namespace fanout::adapters {

/// Runs the tasks of OpenEXR (3.1 or newer) on an executor:
///
///     IlmThread::ThreadPool::globalThreadPool().setThreadProvider(new fanout::adapters::openexr_provider(executor));
///
/// The pool owns the provider, which lets go of the executor when its number of threads becomes 0: do that before the
/// executor is destroyed, by `Imf::setGlobalThreadCount(0)`. Each task runs at once from then on. OpenEXR posts tasks,
/// which throw nothing and post none, from the threads that read and write files, and blocks these until the tasks have
/// run. A task of fanout may hold the slot that those need, even all tasks all slots: there each runs at once, inside
/// `addTask`. A thread outside waits for slots under OpenEXR's lock on its file object: if it shares that object with
/// tasks of the executor, all may wait for ever.
class openexr_provider final : public ILMTHREAD_NAMESPACE::ThreadPoolProvider {
 public:
  /// Throws `resource_error` if the process may not create the threads, or `std::bad_alloc`.
  explicit openexr_provider(const executor& on)
      : threads_(static_cast<int>(on.greatest_concurrency())),
        scope_(std::make_unique<task_scope>(on, run_options{.concurrency = on.greatest_concurrency()})) {}
  explicit openexr_provider(const executor&&) = delete;
  ~openexr_provider() override { openexr_provider::finish(); }
  /// The limit of the executor; 0 after `finish`, which `setNumThreads(0)` calls. Other numbers change nothing.
  int numThreads() const override { return threads_; }
  void setNumThreads(int count) override { if (count == 0) finish(); }  ///< See `numThreads`.
  /// Does not wait, except for the task itself where it runs at once, as without memory to post it.
  void addTask(ILMTHREAD_NAMESPACE::Task* task) override {
    const auto run = [task, group = task->group()]() noexcept {
      task->execute();
      delete task;  // before its group learns that it has ended
      if (group != nullptr) group->finishOneTask();
    };
    try {
      if (const std::shared_lock lock(mutex_); scope_ && !current_runner()) return scope_->add(run);
    } catch (const std::bad_alloc&) {}
    run();
  }
  /// Waits for all tasks that were posted, and lets go of the executor.
  void finish() override {
    threads_ = 0;
    std::unique_ptr<task_scope> ends;
    if (const std::unique_lock lock(mutex_); true) ends.swap(scope_);
    if (ends) ends->join();
  }
 private:
  std::atomic<int> threads_;
  std::shared_mutex mutex_;  // guards the pointer
  std::unique_ptr<task_scope> scope_;
};

}  // namespace fanout::adapters
