#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include <cstddef>
#include <fanout/fanout.hpp>
#include <ranges>
#include <system_error>
#include <utility>

#include "../../competitors/std_thread_queue.hpp"
#include "competitors/competitor.hpp"
#include "competitors/refused_thread.hpp"

/// Those that read tasks one by one and give the outcomes in order, with a bounded number on the way. None of them lets a
/// failed task end the stream: the outcome says what happened, as with the other competitors.
namespace tool {
namespace {

constexpr std::string_view queue_name = "thread-queue";

task_outcome settle_unless_stopped(const task_batch& batch, std::size_t index) noexcept {
  return batch.stop().stop_requested() ? task_outcome{} : settle(batch, index);
}

class stream_competitor final : public competitor {
 public:
  stream_competitor(std::size_t concurrency, std::size_t ahead)
      : executor_({.concurrency = concurrency}), ahead_(ahead) {}

  std::string_view name() const override { return "fanout"; }

  std::vector<task_outcome> run(const task_batch& batch) override {
    std::vector<task_outcome> outcomes;
    outcomes.reserve(batch.size());
    const auto map = [&batch](std::size_t index) { return settle_unless_stopped(batch, index); };
    for (task_outcome& outcome :
         executor_.stream(std::views::iota(std::size_t{0}, batch.size()), map, {.ahead = ahead_}))
      outcomes.push_back(std::move(outcome));
    return outcomes;
  }

 private:
  fanout::executor executor_;
  std::size_t ahead_;
};

class pipeline_competitor final : public competitor {
 public:
  pipeline_competitor(std::size_t concurrency, std::size_t ahead)
      : arena_(static_cast<int>(concurrency)), ahead_(ahead) {}

  std::string_view name() const override { return "tbb-pipeline"; }

  std::vector<task_outcome> run(const task_batch& batch) override {
    std::vector<task_outcome> outcomes(batch.size());
    std::size_t next = 0;
    const auto read = [&](tbb::flow_control& control) -> std::size_t {
      if (next == batch.size()) {
        control.stop();
        return 0;
      }
      return next++;
    };
    std::size_t taken = 0;
    using tbb::filter_mode;
    arena_.execute([&] {
      tbb::parallel_pipeline(
          ahead_, tbb::make_filter<void, std::size_t>(filter_mode::serial_in_order, read) &
                      tbb::make_filter<std::size_t, task_outcome>(
                          filter_mode::parallel, [&](std::size_t index) { return settle_unless_stopped(batch, index); }) &
                      tbb::make_filter<task_outcome, void>(filter_mode::serial_in_order, [&](const task_outcome& outcome) {
                        outcomes[taken++] = outcome;
                      }));
    });
    return outcomes;
  }

 private:
  tbb::task_arena arena_;
  std::size_t ahead_;
};

class queue_competitor final : public competitor {
 public:
  queue_competitor(std::size_t concurrency, std::size_t ahead) : queue_(concurrency), ahead_(ahead) {}

  std::string_view name() const override { return queue_name; }

  std::vector<task_outcome> run(const task_batch& batch) override {
    std::vector<task_outcome> outcomes;
    outcomes.reserve(batch.size());
    try {
      queue_.run<task_outcome>(
          batch.size(), ahead_, perf::results_in::order,
          [&batch](std::size_t index) { return settle_unless_stopped(batch, index); },
          [&outcomes](task_outcome outcome) { outcomes.push_back(std::move(outcome)); });
    } catch (const std::system_error& error) {
      throw_refused_thread(queue_name, error);
    }
    return outcomes;
  }

 private:
  perf::std_thread_queue queue_;
  std::size_t ahead_;
};

}  // namespace

std::vector<std::unique_ptr<competitor>> make_stream_competitors(std::size_t concurrency, std::size_t ahead) {
  std::vector<std::unique_ptr<competitor>> competitors;
  competitors.push_back(make_serial());
  competitors.push_back(std::make_unique<stream_competitor>(concurrency, ahead));
  competitors.push_back(std::make_unique<pipeline_competitor>(concurrency, ahead));
  competitors.push_back(std::make_unique<queue_competitor>(concurrency, ahead));
  return competitors;
}

}  // namespace tool
