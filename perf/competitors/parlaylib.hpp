#pragma once

#include <parlay/parallel.h>
#include <cstddef>

/// parlaylib: forks that steal, without exceptions and without a limit of a call's own.
namespace perf {

/// `parlay::parallel_for`, on a scheduler that is named: that function takes the one that its thread made last, of which
/// there may be several here.
template <std::size_t granularity>
class parlay_loop {
 public:
  explicit parlay_loop(std::size_t concurrency) : scheduler_(concurrency) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    parlay::fork_join_scheduler::parfor(scheduler_, 0, size, body, granularity);
  }

 private:
  parlay::internal::scheduler_type scheduler_;
};

/// Runs tasks one after the other until a microsecond has gone, and shares the rest in parts of that size.
class parlay_parallel_for : public parlay_loop<0> {
 public:
  static constexpr const char* name = "parlay_parallel_for";
  using parlay_loop::parlay_loop;
};

/// A fork for each task.
class parlay_granularity_1 : public parlay_loop<1> {
 public:
  static constexpr const char* name = "parlay_granularity_1";
  using parlay_loop::parlay_loop;
};

}  // namespace perf
