#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

namespace fanout::detail {

/// The pool that many programs have: threads that wait for functions in a queue. Written with care: a batch is queued
/// under one lock, a function is two words and so needs no memory of its own, a worker locks once a task, to report
/// the last one and to take the next, and only the end of the last task wakes the caller.
class thread_pool {
 public:
  /// Throws `std::system_error` if the system refuses a thread.
  explicit thread_pool(std::size_t concurrency) {
    threads_.reserve(concurrency);
    try {
      while (threads_.size() < concurrency) threads_.emplace_back([this] { work(); });
    } catch (...) {
      close();
      throw;
    }
  }
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  ~thread_pool() { close(); }

  /// `body` must not throw.
  template <class Body>
  void run(std::size_t size, const Body& body) {
    std::unique_lock lock(mutex_);
    try {
      for (std::size_t i = 0; i < size; ++i) queue_.emplace([&body, i] { body(i); });
    } catch (...) {
      queue_ = {};
      throw;
    }
    unfinished_ = size;
    lock.unlock();  // so that a worker does not wake only to wait for it
    if (size < threads_.size()) {
      for (std::size_t woken = 0; woken < size; ++woken) work_came_.notify_one();
    } else {
      work_came_.notify_all();
    }
    lock.lock();
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
      if (--unfinished_ == 0) all_done_.notify_one();
    }
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    work_came_.notify_all();
    for (std::thread& each : threads_) each.join();
  }

  std::mutex mutex_;  // guards all up to threads_
  std::condition_variable work_came_;
  std::condition_variable all_done_;
  std::queue<std::function<void()>> queue_;
  std::size_t unfinished_ = 0;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fanout::detail
