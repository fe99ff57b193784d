#include <condition_variable>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>

#include "competitors/competitor.hpp"
#include "competitors/start_thread.hpp"

namespace tool {
namespace {

constexpr std::string_view pool_name = "thread-pool";

/// The pool that many programs have: threads that wait for functions in a queue. A worker locks once a task, to
/// report the last one and to take the next.
class thread_pool {
 public:
  explicit thread_pool(std::size_t size) {
    threads_.reserve(size);
    try {
      while (threads_.size() < size) threads_.push_back(start_thread<std::thread>(pool_name, [this] { work(); }));
    } catch (...) {
      close();
      throw;
    }
  }
  ~thread_pool() { close(); }
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  /// Runs the functions, which must not throw, and returns when all have ended.
  void run(std::vector<std::function<void()>> functions) {
    std::unique_lock lock(mutex_);
    for (auto& function : functions) queue_.push(std::move(function));
    unfinished_ += functions.size();
    if (functions.size() < threads_.size()) {
      for (std::size_t woken = 0; woken < functions.size(); ++woken) work_came_.notify_one();
    } else {
      work_came_.notify_all();
    }
    all_done_.wait(lock, [this] { return unfinished_ == 0; });
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      work_came_.wait(lock, [this] { return closed_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const std::function<void()> function = std::move(queue_.front());
      queue_.pop();
      lock.unlock();
      function();
      lock.lock();
      if (--unfinished_ == 0) all_done_.notify_all();
    }
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    work_came_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  std::mutex mutex_;  // guards all up to threads_
  std::condition_variable work_came_;
  std::condition_variable all_done_;
  std::queue<std::function<void()>> queue_;
  std::size_t unfinished_ = 0;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

class thread_pool_competitor final : public competitor {
 public:
  explicit thread_pool_competitor(std::size_t concurrency) : pool_(concurrency) {}

  std::string_view name() const override { return pool_name; }

  std::vector<task_outcome> run(const task_batch& batch) override {
    run_state state{batch, std::vector<task_outcome>(batch.size())};
    std::vector<std::function<void()>> functions;
    functions.reserve(batch.size());
    for (std::size_t index = 0; index < batch.size(); ++index) {
      // Two words, which std::function keeps inside itself: no allocation a task.
      functions.emplace_back([&state, index] { state.run(index); });
    }
    pool_.run(std::move(functions));
    return std::move(state.outcomes);
  }

 private:
  struct run_state {
    const task_batch& batch;
    std::vector<task_outcome> outcomes;
    void run(std::size_t index) {
      if (!batch.stop().stop_requested()) outcomes[index] = settle(batch, index);
    }
  };

  thread_pool pool_;
};

}  // namespace

std::unique_ptr<competitor> make_thread_pool(std::size_t concurrency) {
  return std::make_unique<thread_pool_competitor>(concurrency);
}

}  // namespace tool
