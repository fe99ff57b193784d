#pragma once

#include <BS_thread_pool.hpp>
#include <cstddef>

/// BS::thread_pool: threads, a mutex and a queue. The calling thread sleeps until they are done. Its `detach_…` calls are
/// the ones without futures, which nobody here would read.
namespace perf {

/// A block for each thread, fixed when the loop begins: its default.
class bs_thread_pool_loop {
 public:
  static constexpr const char* name = "bs_thread_pool_loop";

  explicit bs_thread_pool_loop(std::size_t concurrency) : pool_(concurrency) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    pool_.detach_loop(std::size_t{0}, size, [&body](std::size_t i) { body(i); });
    pool_.wait();
  }

 private:
  BS::light_thread_pool pool_;
};

/// A task of the pool for each.
class bs_thread_pool_task {
 public:
  static constexpr const char* name = "bs_thread_pool_task";

  explicit bs_thread_pool_task(std::size_t concurrency) : pool_(concurrency) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    for (std::size_t i = 0; i != size; ++i) pool_.detach_task([&body, i] { body(i); });
    pool_.wait();
  }

 private:
  BS::light_thread_pool pool_;
};

}  // namespace perf
