#include <algorithm>

#include "../../competitors/std_thread_rounds.hpp"
#include "competitors/competitor.hpp"
#include "competitors/refused_thread.hpp"

namespace tool {
namespace {

constexpr std::string_view rounds_name = "thread-rounds";

class thread_rounds_competitor final : public competitor {
 public:
  explicit thread_rounds_competitor(std::size_t concurrency) : concurrency_(concurrency), rounds_(concurrency) {}

  std::string_view name() const override { return rounds_name; }

  /// Round by round, because none begins after a stop.
  std::vector<task_outcome> run(const task_batch& batch) override try {
    std::vector<task_outcome> outcomes(batch.size());
    for (std::size_t first = 0; first < batch.size() && !batch.stop().stop_requested(); first += concurrency_) {
      rounds_.run(std::min(concurrency_, batch.size() - first),
                  [&](std::size_t i) { outcomes[first + i] = settle(batch, first + i); });
    }
    return outcomes;
  } catch (const std::system_error& error) {
    throw_refused_thread(rounds_name, error);
  }

 private:
  std::size_t concurrency_;
  perf::std_thread_rounds rounds_;
};

}  // namespace

std::unique_ptr<competitor> make_thread_rounds(std::size_t concurrency) {
  return std::make_unique<thread_rounds_competitor>(concurrency);
}

}  // namespace tool
