#include "competitors/competitor.hpp"

namespace tool {
namespace {

class serial_competitor final : public competitor {
 public:
  std::string_view name() const override { return "serial"; }

  std::vector<task_outcome> run(const task_batch& batch) override {
    std::vector<task_outcome> outcomes(batch.size());
    for (std::size_t index = 0; index < batch.size() && !batch.stop().stop_requested(); ++index) {
      outcomes[index] = settle(batch, index);
    }
    return outcomes;
  }
};

}  // namespace

std::unique_ptr<competitor> make_serial() { return std::make_unique<serial_competitor>(); }

}  // namespace tool
