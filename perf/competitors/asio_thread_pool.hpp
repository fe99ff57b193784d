#pragma once

// Asio by itself, or the same as a part of Boost.
#if __has_include(<asio/thread_pool.hpp>)
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#else
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
namespace asio = boost::asio;
#endif

#include <cstddef>
#include <latch>

namespace perf {

/// A post for each task. Its own `join()` ends the pool for good, so a batch counts down to its end.
class asio_thread_pool {
 public:
  static constexpr const char* name = "asio_thread_pool";

  explicit asio_thread_pool(std::size_t concurrency) : pool_(concurrency) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    std::latch unfinished(static_cast<std::ptrdiff_t>(size));
    for (std::size_t i = 0; i < size; ++i) {
      asio::post(pool_, [&body, &unfinished, i] {
        body(i);
        unfinished.count_down();
      });
    }
    unfinished.wait();
  }

 private:
  asio::thread_pool pool_;
};

}  // namespace perf
