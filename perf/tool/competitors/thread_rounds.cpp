#include <algorithm>
#include <thread>

#include "competitors/competitor.hpp"
#include "competitors/start_thread.hpp"

namespace tool {
namespace {

constexpr std::string_view rounds_name = "thread-rounds";

class thread_rounds_competitor final : public competitor {
 public:
  explicit thread_rounds_competitor(std::size_t concurrency) : concurrency_(concurrency) {}

  std::string_view name() const override { return rounds_name; }

  std::vector<task_outcome> run(const task_batch& batch) override {
    std::vector<task_outcome> outcomes(batch.size());
    for (std::size_t first = 0; first < batch.size() && !batch.stop().stop_requested(); first += concurrency_) {
      run_round(batch, outcomes, first, std::min(first + concurrency_, batch.size()));
    }
    return outcomes;
  }

 private:
  static void run_round(const task_batch& batch, std::vector<task_outcome>& outcomes, std::size_t first,
                        std::size_t last) {
    // Joined by their destructors, also when the system refuses a later one.
    std::vector<std::jthread> threads;
    threads.reserve(last - first);
    for (std::size_t index = first; index < last; ++index) {
      threads.push_back(start_thread<std::jthread>(
          rounds_name, [&batch, &outcome = outcomes[index], index] { outcome = settle(batch, index); }));
    }
  }

  std::size_t concurrency_;
};

}  // namespace

std::unique_ptr<competitor> make_thread_rounds(std::size_t concurrency) {
  return std::make_unique<thread_rounds_competitor>(concurrency);
}

}  // namespace tool
