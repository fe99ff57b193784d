#include "../../competitors/std_thread_pool.hpp"

#include "competitors/competitor.hpp"
#include "competitors/refused_thread.hpp"

namespace tool {
namespace {

constexpr std::string_view pool_name = "thread-pool";

class thread_pool_competitor final : public competitor {
 public:
  explicit thread_pool_competitor(std::size_t concurrency) try : pool_(concurrency) {
  } catch (const std::system_error& error) {
    throw_refused_thread(pool_name, error);
  }

  std::string_view name() const override { return pool_name; }

  std::vector<task_outcome> run(const task_batch& batch) override {
    std::vector<task_outcome> outcomes(batch.size());
    pool_.run(batch.size(), [&](std::size_t index) {
      if (!batch.stop().stop_requested()) outcomes[index] = settle(batch, index);
    });
    return outcomes;
  }

 private:
  perf::std_thread_pool pool_;
};

}  // namespace

std::unique_ptr<competitor> make_thread_pool(std::size_t concurrency) {
  return std::make_unique<thread_pool_competitor>(concurrency);
}

}  // namespace tool
