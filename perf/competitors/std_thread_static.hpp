#pragma once

#include <barrier>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace perf {

/// Equal shares, fixed in advance, one for each thread; the calling one takes the first. The threads are kept and
/// wait at a barrier between batches: with fresh ones a batch would begin by starting threads, which
/// `std_thread_rounds` measures, and what fixed shares themselves cost and lose could not be seen.
class std_thread_static {
 public:
  static constexpr const char* name = "std_thread_static";

  explicit std_thread_static(std::size_t concurrency)
      : concurrency_(concurrency),
        begin_(static_cast<std::ptrdiff_t>(concurrency)),
        end_(static_cast<std::ptrdiff_t>(concurrency)) {
    for (std::size_t thread = 1; thread < concurrency; ++thread)
      threads_.emplace_back([this, thread] { work(thread); });
  }
  std_thread_static(const std_thread_static&) = delete;
  std_thread_static& operator=(const std_thread_static&) = delete;

  ~std_thread_static() {
    share_ = nullptr;
    begin_.arrive_and_wait();
    for (std::thread& each : threads_) each.join();
  }

  template <class Body>
  void run(std::size_t size, const Body& body) {
    share_ = [this, size, &body](std::size_t thread) {
      const std::size_t last = size * (thread + 1) / concurrency_;
      for (std::size_t i = size * thread / concurrency_; i < last; ++i) body(i);
    };
    begin_.arrive_and_wait();
    share_(0);
    end_.arrive_and_wait();
  }

 private:
  void work(std::size_t thread) {
    while (true) {
      begin_.arrive_and_wait();
      if (!share_) return;
      share_(thread);
      end_.arrive_and_wait();
    }
  }

  const std::size_t concurrency_;
  std::function<void(std::size_t thread)> share_;  // written by the caller between the barriers `end_` and `begin_`
  std::barrier<> begin_;
  std::barrier<> end_;
  std::vector<std::thread> threads_;
};

}  // namespace perf
