#include "engine/verdict.hpp"

#include <algorithm>
#include <utility>

#include "threads/floating_point.hpp"

namespace fanout::detail {

bool verdict::fail(std::size_t index, std::exception_ptr cause, unsigned attempts) noexcept {
  failed_.fetch_add(1, std::memory_order_release);
  if (policy_ == error_policy::stop && decide(ending::failed)) {
    failed_index_ = index;
    failed_attempts_ = attempts;
    cause_ = std::move(cause);
    return true;
  }
  // Under `error_policy::stop`, failures after the first count as its consequences, and are dropped. Failures after a
  // cancellation are reported.
  if (ending_.load(std::memory_order_relaxed) == ending::failed) return false;
  try {
    const std::lock_guard lock(mutex_);
    failures_.push_back({index, std::move(cause), attempts});
    return false;
  } catch (...) {  // no memory to keep the failure: even a cancelled batch breaks, as it must report all failures
    const bool stops = break_off(std::current_exception());
    if (decide(ending::broken, ending::cancelled) || decide(ending::broken, ending::enough))
      cause_ = std::current_exception();
    return stops;
  }
}

bool verdict::ask_rule(std::size_t ended) noexcept {
  const without_float_traps here;
  return rule_.stops(ended, failed()) && decide(ending::enough);
}

bool verdict::break_off(std::exception_ptr cause) noexcept {
  if (!decide(ending::broken)) return false;
  cause_ = std::move(cause);
  return true;
}

std::vector<task_error> verdict::task_errors() {
  std::sort(failures_.begin(), failures_.end(),
            [](const failure& one, const failure& other) { return one.index < other.index; });
  std::vector<task_error> errors;
  errors.reserve(failures_.size());
  for (const failure& each : failures_) errors.emplace_back(each.index, each.cause, each.attempts);
  return errors;
}

void verdict::pronounce(std::size_t completed, std::size_t total, bool all_ran) {
  switch (ending_.load(std::memory_order_acquire)) {
    case ending::failed:
      throw task_error(failed_index_, cause_, failed_attempts_);
    case ending::broken:
      std::rethrow_exception(cause_);
    case ending::cancelled:
      if (!all_ran && deadline_ != nullptr && deadline_->has_stopped_it())
        throw deadline_exceeded(completed, total, task_errors());
      if (!all_ran) throw operation_cancelled(completed, total, task_errors());
      if (policy_ == error_policy::stop && !failures_.empty())
        throw task_error(failures_.front().index, failures_.front().cause, failures_.front().attempts);
      [[fallthrough]];
    case ending::enough:
      if (completed != total && failures_.empty()) throw operation_cancelled(completed, total);
      [[fallthrough]];
    case ending::undecided:
      if (!failures_.empty()) throw aggregate_error(task_errors(), total);
  }
}

}  // namespace fanout::detail
