#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "scope/question.hpp"

namespace {

/// What one writes who has no library: a queue of functions under a mutex.
class queue {
 public:
  static constexpr const char* name = "std_thread";

  queue() {
    for (unsigned i = 0; i != std::thread::hardware_concurrency(); ++i) threads_.emplace_back([this] { work(); });
  }
  queue(const queue&) = delete;
  queue& operator=(const queue&) = delete;
  ~queue() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    added_.notify_all();
  }

  template <class F>
  void add(F task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.emplace_back(std::move(task));
      ++left_;
    }
    added_.notify_one();
  }

  void wait() {
    std::unique_lock lock(mutex_);
    over_.wait(lock, [this] { return left_ == 0; });
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      added_.wait(lock, [this] { return ends_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
      if (--left_ == 0) over_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable added_;
  std::condition_variable over_;
  std::deque<std::function<void()>> tasks_;
  std::size_t left_ = 0;
  bool ends_ = false;
  std::vector<std::jthread> threads_;
};

const bool entered = [] {
  scope_question::enter<queue>();
  return true;
}();

}  // namespace
