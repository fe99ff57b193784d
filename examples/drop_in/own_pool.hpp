#pragma once

#include <fanout/fanout.hpp>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

/// A pool class as many programs have one: threads, a queue of functions, a mutex and a condition variable.
namespace before {

class thread_pool {
 public:
  explicit thread_pool(std::size_t size) {
    for (std::size_t i = 0; i != size; ++i) threads_.emplace_back([this] { work(); });
  }

  ~thread_pool() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    for (std::thread& each : threads_) each.join();
  }

  template <class F>
  auto enqueue(F f) {
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<F&>()>>(std::move(f));
    auto result = task->get_future();
    {
      const std::lock_guard lock(mutex_);
      waiting_.push([task] { (*task)(); });
    }
    changed_.notify_one();
    return result;
  }

  template <class F>
  void parallel_for(std::size_t begin, std::size_t end, const F& f) {
    const std::size_t share = (end - begin + threads_.size() - 1) / threads_.size();
    std::vector<std::future<void>> parts;
    for (std::size_t first = begin; first < end; first += share) {
      parts.push_back(enqueue([&f, first, last = std::min(end, first + share)] {
        for (std::size_t i = first; i != last; ++i) f(i);
      }));
    }
    for (const auto& each : parts) each.wait();  // all of them, because they refer to f
    for (auto& each : parts) each.get();
  }

  template <class F>
  void run(std::size_t n, const F& f) {
    std::vector<std::future<void>> all;
    for (std::size_t i = 0; i != n; ++i) all.push_back(enqueue([&f, i] { f(i); }));
    for (const auto& each : all) each.wait();
    for (auto& each : all) each.get();
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const std::function<void()> task = std::move(waiting_.front());
      waiting_.pop();
      lock.unlock();
      task();
    }
  }

  std::mutex mutex_;  // guards the next two
  std::queue<std::function<void()>> waiting_;
  bool closing_ = false;
  std::condition_variable changed_;
  std::vector<std::thread> threads_;
};

}  // namespace before

/// The same class over fanout.
namespace after {

class thread_pool {
 public:
  explicit thread_pool(std::size_t size) : executor_({.concurrency = size}) {}

  ~thread_pool() { scope_.join(); }  // what was enqueued runs, as before

  template <class F>
  auto enqueue(F f) {
    std::packaged_task<std::invoke_result_t<F&>()> task(std::move(f));
    auto result = task.get_future();
    scope_.add(std::move(task));
    return result;
  }

  template <class F>
  void parallel_for(std::size_t begin, std::size_t end, const F& f) {
    executor_.for_each_range(end - begin, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i != last; ++i) f(begin + i);
    });
  }

  template <class F>
  void run(std::size_t n, const F& f) {
    executor_.map(n, f);
  }

  /// As `enqueue`, for tasks that wait for each other: `start(f).get().front()`.
  template <class F>
  auto start(F f) {
    return executor_.submit(std::array{std::move(f)});
  }

 private:
  fanout::executor executor_;
  fanout::task_scope scope_{executor_};
};

}  // namespace after
