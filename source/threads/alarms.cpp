#include "threads/alarms.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/never_destroyed.hpp"
#include "base/primitives.hpp"
#include "threads/reserves.hpp"

namespace fanout::detail {

/// The alarms of the process that are set, in the order of their times, and the reserve that keeps the time.
class alarm_clock final : private reserves::duty {
 public:
  alarm_clock() { calls_.choose(reserves::with_stack(0)); }

  /// Who sets the first alarm promises the keeper and calls it. A keeper that has found nothing more to wait for
  /// leaves: `is_kept_` is then false, under the same mutex.
  void set(alarm& each, alarm::time_point at) {
    const std::lock_guard lock(mutex_);
    call_keeper();
    if (each.is_set_) set_.remove(each);
    each.at_ = at;
    each.is_set_ = true;
    alarm* before = set_.last();
    while (before != nullptr && at < before->at_) before = before->previous_in_list;
    before != nullptr ? set_.add_after(*before, each) : set_.add_first(each);
    if (at < wakes_at_) changed_.notify_one();
  }

  void keep() {
    const std::lock_guard lock(mutex_);
    call_keeper();
    ++users_;
  }

  void leave() noexcept {
    const std::lock_guard lock(mutex_);
    if (--users_ == 0 && set_.empty()) changed_.notify_one();
  }

  void cancel(alarm& each) noexcept {
    std::unique_lock lock(mutex_);
    if (each.is_set_) {
      each.is_set_ = false;
      set_.remove(each);
      if (set_.empty() && users_ == 0) changed_.notify_one();
    }
    if (ringing_ != &each || keeper_ == std::this_thread::get_id()) return;
    ++cancelling_;
    rung_.wait(lock, [&] { return ringing_ != &each; });
    --cancelling_;
  }

 private:
  void call_keeper() {
    if (is_kept_) return;
    promise_.emplace(1);
    calls_.call(1);
    is_kept_ = true;
  }

  // On the keeper. What rings may set and cancel alarms.
  void serve() noexcept override {
    std::unique_lock lock(mutex_);
    keeper_ = std::this_thread::get_id();
    while (!set_.empty() || users_ != 0) {
      if (set_.empty()) {
        wakes_at_ = alarm::time_point::max();
        changed_.wait(lock);
        wakes_at_ = alarm::time_point::min();
        continue;
      }
      alarm& first = *set_.first();
      if (std_primitives::now() < first.at_) {
        // A copy, because `wait_until` reads the time again when it has been woken; any alarm may have been cancelled
        // since, and destroyed.
        const alarm::time_point until = first.at_;
        wakes_at_ = until;
        changed_.wait_until(lock, until);
        wakes_at_ = alarm::time_point::min();
        continue;
      }
      set_.remove(first);
      first.is_set_ = false;
      ringing_ = &first;
      lock.unlock();
      first.ring();
      lock.lock();
      ringing_ = nullptr;
      if (cancelling_ != 0) rung_.notify_all();
    }
    keeper_ = {};
    promise_.reset();
    is_kept_ = false;
  }

  bool wants_help() const noexcept override { return true; }

  std::mutex mutex_;  // guards all of it
  std::condition_variable changed_;  // the keeper would wake too late, or has nothing to do any more
  std::condition_variable rung_;
  intrusive_list<alarm> set_;
  alarm* ringing_ = nullptr;
  std::size_t cancelling_ = 0;  // threads that wait for `ringing_`
  std::thread::id keeper_;
  alarm::time_point wakes_at_ = alarm::time_point::min();  // when the keeper wakes by itself, if it sleeps
  std::size_t users_ = 0;                                  // objects of clock_kept
  bool is_kept_ = false;  // the keeper is there, or has been called
  std::optional<reserves::promise> promise_;
  reserves::calls calls_{*this};
};

namespace {

alarm_clock& clock_of_process() {
  static never_destroyed<alarm_clock> only;  // batches may end when the process does
  return *only;
}

}  // namespace

void clock_kept::keep() { clock_of_process().keep(); }
void clock_kept::leave() noexcept { clock_of_process().leave(); }

void alarm::set(time_point at) {
  if (at != time_point::max()) clock_of_process().set(*this, at);
}

void alarm::set_again(time_point at) { clock_of_process().set(*this, at); }

void alarm::cancel() noexcept {
  if (at_ != time_point::max()) clock_of_process().cancel(*this);
}

}  // namespace fanout::detail
