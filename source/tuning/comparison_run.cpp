#include "tuning/comparison_run.hpp"

#include <mutex>
#include <string>

#include "fanout/error.hpp"

namespace fanout {

std::size_t compared_run::size() const noexcept { return run_->size(); }
std::size_t compared_run::concurrency() const noexcept { return run_->concurrency(); }
std::stop_token compared_run::stop_token() const noexcept { return run_->stop_token(); }
void compared_run::operator()(std::size_t index) const noexcept { run_->run(index); }

namespace detail {
namespace {

bool is_cancellation(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const operation_cancelled&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

void comparison_run::begin(std::size_t concurrency, const std::stop_token& stop) {
  on_stop_.reset();
  stop_.emplace();
  on_stop_.emplace(stop, [source = *stop_]() mutable { source.request_stop(); });
  concurrency_ = concurrency;
  // Relaxed: the scheduler hands the run to its threads after this.
  for (auto& state : states_) state.store(waiting, std::memory_order_relaxed);
  repeated_.reset();
  failed_index_ = none;
  failure_ = nullptr;
  tasks_.forget();
}

void comparison_run::run(std::size_t index) noexcept {
  if (index >= states_.size() || states_[index].exchange(started, std::memory_order_relaxed) != waiting) {
    const std::lock_guard lock(mutex_);
    repeated_ = index;
    return;
  }
  if (stop_->stop_requested() || caller_stop_.stop_requested()) return;
  try {
    tasks_.run(index, stop_->get_token());
  } catch (...) {
    note_failure(index, std::current_exception());
  }
  states_[index].store(ended, std::memory_order_release);
}

/// The others need not run after a failure, and if they throw because of that, it is no failure of theirs.
void comparison_run::note_failure(std::size_t index, const std::exception_ptr& failure) noexcept {
  if (stop_->stop_requested() && is_cancellation(failure)) return;
  {
    const std::lock_guard lock(mutex_);
    if (index < failed_index_) {
      failed_index_ = index;
      failure_ = failure;
    }
  }
  stop_->request_stop();  // outside the lock, because it calls what the tasks have registered
}

void comparison_run::rethrow_failure() const {
  const std::lock_guard lock(mutex_);
  if (failure_) throw task_error(failed_index_, failure_);
}

std::optional<comparison_run::misuse> comparison_run::find_misuse() const {
  const std::lock_guard lock(mutex_);
  if (repeated_) {
    const std::string number = std::to_string(*repeated_);
    return misuse{*repeated_, *repeated_ < size() ? "ran task " + number + " twice"
                                              : "ran task " + number + ", but there are " + std::to_string(size())};
  }
  for (std::size_t i = 0; i != states_.size(); ++i) {
    const auto state = states_[i].load(std::memory_order_acquire);
    if (state == ended) continue;
    return misuse{i, state == waiting ? "did not run task " + std::to_string(i)
                                      : "returned before task " + std::to_string(i) + " had ended"};
  }
  return std::nullopt;
}

}  // namespace detail
}  // namespace fanout
