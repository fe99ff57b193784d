#include <fanout/fanout.hpp>

#include "competitors/competitor.hpp"

namespace tool {
namespace {

class fanout_competitor final : public competitor {
 public:
  explicit fanout_competitor(std::size_t concurrency) : executor_({.concurrency = concurrency}) {}

  std::string_view name() const override { return "fanout"; }

  std::vector<task_outcome> run(const task_batch& batch) override {
    const auto settled = executor_.settle(tasks_of(batch), {.stop = batch.stop()});
    std::vector<task_outcome> outcomes;
    outcomes.reserve(settled.size());
    for (const auto& outcome : settled) {
      outcomes.push_back({.checksum = outcome ? *outcome : 0, .failure = outcome.error()});
    }
    return outcomes;
  }

 private:
  struct task {
    const task_batch* batch;
    std::size_t index;
    std::uint64_t operator()() const { return batch->run(index); }
  };

  static std::vector<task> tasks_of(const task_batch& batch) {
    std::vector<task> tasks;
    tasks.reserve(batch.size());
    for (std::size_t index = 0; index < batch.size(); ++index) tasks.push_back({&batch, index});
    return tasks;
  }

  fanout::executor executor_;
};

}  // namespace

std::unique_ptr<competitor> make_fanout(std::size_t concurrency) {
  return std::make_unique<fanout_competitor>(concurrency);
}

}  // namespace tool
