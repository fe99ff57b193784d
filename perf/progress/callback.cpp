#include "progress/question.hpp"

namespace {

template <long interval_ms>
class callback {
 public:
  fanout::run_options options() {
    return {.on_progress = [this](std::size_t completed, std::size_t) { completed_ = completed; },
            .progress_interval = std::chrono::milliseconds(interval_ms)};
  }
  void begin() { completed_ = 0; }
  void ended() {}
  bool knows(std::size_t size) const { return completed_ == size; }

 private:
  std::size_t completed_ = 0;  // calls of a callback never overlap, and the last one is before the end of the batch
};

const bool entered = [] {
  progress::enter<callback<0>>("callback");
  progress::enter<callback<10>>("callback_10ms");
  return true;
}();

}  // namespace
