#pragma once

#include <cstddef>
#include <taskflow/algorithm/for_each.hpp>
#include <taskflow/taskflow.hpp>

/// Taskflow, which is made for graphs: a loop is a node of one. The calling thread sleeps until the executor is done.
namespace perf {

/// The graph is made anew for each run, because it holds the body.
class taskflow_for_each_index {
 public:
  static constexpr const char* name = "taskflow_for_each_index";

  explicit taskflow_for_each_index(std::size_t concurrency) : executor_(concurrency) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    tf::Taskflow graph;
    graph.for_each_index(std::size_t{0}, size, std::size_t{1}, [&body](std::size_t i) { body(i); });
    executor_.run(graph).wait();
  }

 private:
  tf::Executor executor_;
};

/// An asynchronous task for each, started by a worker: from outside each would go through the queue that all share.
class taskflow_async {
 public:
  static constexpr const char* name = "taskflow_async";

  explicit taskflow_async(std::size_t concurrency) : executor_(concurrency) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    executor_
        .async([&] {
          tf::TaskGroup tasks = executor_.task_group();
          for (std::size_t i = 0; i != size; ++i) tasks.silent_async([&body, i] { body(i); });
          tasks.corun();
        })
        .wait();
  }

 private:
  tf::Executor executor_;
};

}  // namespace perf
