#include "engine/batch_watch.hpp"

#include <algorithm>

namespace fanout::detail {

batch_progress batch_watch::look() const {
  const std::lock_guard lock(mutex_);
  update();
  return seen_;
}

void batch_watch::look_at(const void* running, count counts) {
  const std::lock_guard lock(mutex_);
  running_ = running;
  counts_ = counts;
}

void batch_watch::end() {
  const std::lock_guard lock(mutex_);
  update();
  running_ = nullptr;
}

/// A failure is counted before its task has ended, so it may be seen first.
void batch_watch::update() const {
  if (running_ == nullptr) return;
  seen_ = counts_(running_);
  seen_.failed = std::min(seen_.failed, seen_.completed);
}

}  // namespace fanout::detail
