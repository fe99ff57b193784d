#pragma once

#include <fanout/executor.hpp>
#include <fanout/limits.hpp>
#include <fanout/map.hpp>

#include <cstddef>
#include <ranges>
#include <vector>

namespace perf {

class fanout_executor {
 public:
  static constexpr const char* name = "fanout";

  static std::size_t most() { return fanout::max_concurrency(); }

  explicit fanout_executor(std::size_t concurrency) : executor_({.concurrency = concurrency}) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    executor_.map(std::views::iota(std::size_t{0}, size), [&body](std::size_t i) { body(i); });
  }

  /// With the results, as a caller of fanout has them.
  template <class Task>
  auto map(std::size_t size, const Task& task) {
    return executor_.map(std::views::iota(std::size_t{0}, size), task);
  }

  template <class Functions>
  auto execute(const Functions& functions) {
    return executor_.execute(functions);
  }

 private:
  fanout::executor executor_;
};

/// The same once more. How far two measurements of one thing lie apart is the noise of all the others.
class fanout_again : public fanout_executor {
 public:
  static constexpr const char* name = "fanout_again";

  using fanout_executor::fanout_executor;
};

/// The free calls in place of an executor, each with its concurrency named.
class fanout_named {
 public:
  static constexpr const char* name = "fanout";

  explicit fanout_named(std::size_t concurrency) : concurrency_(concurrency) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    fanout::map_in_parallel(std::views::iota(std::size_t{0}, size), [&body](std::size_t i) { body(i); },
                            {.concurrency = concurrency_});
  }

  template <class Task>
  auto map(std::size_t size, const Task& task) {
    return fanout::map_in_parallel(std::views::iota(std::size_t{0}, size), task, {.concurrency = concurrency_});
  }

 private:
  const std::size_t concurrency_;
};

class fanout_named_again : public fanout_named {
 public:
  static constexpr const char* name = "fanout_again";

  using fanout_named::fanout_named;
};

/// The free calls of one who names nothing.
class fanout_automatic : public fanout_named {
 public:
  static constexpr const char* name = "fanout_automatic";
  static constexpr bool only_the_cores = true;

  explicit fanout_automatic(std::size_t /*cores*/) : fanout_named(fanout::automatic) {}
};

/// Hands nothing back: its tasks write to a vector that is made outside the clock, as those of the others do.
class fanout_in_place {
 public:
  static constexpr const char* name = "fanout_in_place";

  explicit fanout_in_place(std::size_t concurrency) : executor_(concurrency) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    executor_.run(size, body);
  }

 private:
  fanout_executor executor_;
};

#if __has_include(<fanout/for_each_range.hpp>)  // scripts/bench_against builds these files with older libraries, too
/// Writes the results where the caller has its memory.
class fanout_into {
 public:
  static constexpr const char* name = "fanout_into";

  explicit fanout_into(std::size_t concurrency) : executor_({.concurrency = concurrency}) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    executor_.map(size, [&body](std::size_t i) { body(i); });
  }

  template <class Task>
  void map_into(std::vector<long>& results, const Task& task) {
    executor_.map_into(results, results.size(), task);
  }

 private:
  fanout::executor executor_;
};

/// Tells its tasks apart by a loop over each share.
class fanout_ranges {
 public:
  static constexpr const char* name = "fanout_ranges";

  explicit fanout_ranges(std::size_t concurrency) : executor_({.concurrency = concurrency}) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    executor_.for_each_range(size, [&body](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i != last; ++i) body(i);
    });
  }

 private:
  fanout::executor executor_;
};
#endif

}  // namespace perf
