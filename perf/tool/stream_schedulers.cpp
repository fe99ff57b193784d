#include "stream_schedulers.hpp"

#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include <cstddef>
#include <fanout/fanout.hpp>
#include <memory>
#include <ranges>
#include <system_error>

#include "../competitors/std_thread_queue.hpp"

/// Each reads tasks one by one, and has a reader that takes what they give in order.
namespace tool {
namespace {

/// The result of a task is kept by the run; what goes through the stream is the index, so that nothing else is measured
/// than the stream.
std::size_t run_task(const fanout::compared_run& tasks, std::size_t index) {
  tasks(index);
  return index;
}

auto fanout_stream(std::size_t concurrency, std::size_t ahead) {
  // Created by the first run, which is not counted.
  return [concurrency, ahead, executor = std::unique_ptr<fanout::executor>()](const fanout::compared_run& tasks) mutable {
    if (!executor) executor = std::make_unique<fanout::executor>(fanout::executor_options{.concurrency = concurrency});
    const auto map = [&tasks](std::size_t index) { return run_task(tasks, index); };
    for (const std::size_t index :
         executor->stream(std::views::iota(std::size_t{0}, tasks.size()), map, {.ahead = ahead})) {
      static_cast<void>(index);
    }
  };
}

auto pipeline(std::size_t concurrency, std::size_t ahead) {
  return [ahead, arena = std::make_unique<tbb::task_arena>(static_cast<int>(concurrency))](
             const fanout::compared_run& tasks) {
    std::size_t next = 0;
    const auto read = [&](tbb::flow_control& control) -> std::size_t {
      if (next == tasks.size()) {
        control.stop();
        return 0;
      }
      return next++;
    };
    using tbb::filter_mode;
    arena->execute([&] {
      tbb::parallel_pipeline(
          ahead, tbb::make_filter<void, std::size_t>(filter_mode::serial_in_order, read) &
                     tbb::make_filter<std::size_t, std::size_t>(
                         filter_mode::parallel, [&tasks](std::size_t index) { return run_task(tasks, index); }) &
                     tbb::make_filter<std::size_t, void>(filter_mode::serial_in_order, [](std::size_t) {}));
    });
  };
}

auto thread_queue(std::size_t concurrency, std::size_t ahead) {
  return [ahead, queue = perf::std_thread_queue(concurrency)](const fanout::compared_run& tasks) {
    try {
      queue.run<std::size_t>(
          tasks.size(), ahead, perf::results_in::order,
          [&tasks](std::size_t index) { return run_task(tasks, index); }, [](std::size_t) {});
    } catch (const std::system_error& error) {
      throw std::system_error(error.code(), "cannot start a thread");
    }
  };
}

}  // namespace

std::vector<fanout::comparison_scheduler> stream_schedulers(std::size_t ahead) {
  return {fanout::comparison_scheduler::serial(),
          {"fanout", [ahead](std::size_t concurrency) { return fanout_stream(concurrency, ahead); }},
          {"tbb-pipeline", [ahead](std::size_t concurrency) { return pipeline(concurrency, ahead); }},
          {"thread-queue", [ahead](std::size_t concurrency) { return thread_queue(concurrency, ahead); }}};
}

}  // namespace tool
