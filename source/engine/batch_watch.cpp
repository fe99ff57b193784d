#include "engine/batch_watch.hpp"

#include <algorithm>

#include "engine/batch.hpp"

namespace fanout::detail {

batch_progress batch_watch::look() const {
  const std::lock_guard lock(mutex_);
  update();
  return seen_;
}

void batch_watch::begin(const batch& running) {
  const std::lock_guard lock(mutex_);
  running_ = &running;
}

void batch_watch::end() {
  const std::lock_guard lock(mutex_);
  update();
  running_ = nullptr;
}

/// A failure is counted before its task has ended, so it may be seen first.
void batch_watch::update() const {
  if (running_ == nullptr) return;
  seen_ = running_->counts();
  seen_.failed = std::min(seen_.failed, seen_.completed);
}

}  // namespace fanout::detail
