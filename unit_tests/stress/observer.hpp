#pragma once

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"
#include "record.hpp"

/// Notes what happens in a batch while it runs, from all its threads, and makes the record of it.
namespace stress {

inline unsigned this_thread_number() {
  static std::atomic<unsigned> given{0};
  static thread_local const unsigned mine = ++given;
  return mine;
}

class observer {
  struct live_task {
    std::atomic<unsigned> starts{0};
    std::atomic<unsigned> arounds{0};
    task_record noted;  // written by the thread that runs the task; read after the batch, whose end orders the two
  };

 public:
  /// The number of counted results that exist.
  std::atomic<long> results_alive{0};
  std::atomic<long> failures_alive{0};

  observer(std::size_t size, bool with_moments, bool with_attempts)
      : with_moments_(with_moments), with_attempts_(with_attempts), tasks_(size) {}

  /// A task while it runs, from its first instruction to its last. Calls `saw_stop` at the end, unless `throws` was
  /// called.
  template <class SawStop>
  class visit {
   public:
    visit(observer& seen_by, std::size_t index, unsigned attempt, SawStop saw_stop)
        : observer_(seen_by), task_(seen_by.tasks_[index]), saw_stop_(saw_stop) {
      if (observer_.closed_.load(std::memory_order_relaxed)) ++observer_.late_;
      if (std::fegetround() != observer_.rounding_) observer_.rounded_otherwise_.store(true, std::memory_order_relaxed);
      is_first_ = task_.starts.fetch_add(1, std::memory_order_relaxed) == 0;
      task_.noted.ended = task_.noted.threw = task_.noted.saw_stop = false;
      if (!observer_.with_moments_) return;
      const moment at = observer_.now();
      task_.noted.thread = this_thread_number();
      if (is_first_) {
        task_.noted.started_at = at;
        ++observer_.started_;
      }
      if (observer_.with_attempts_) {
        task_.noted.attempts.push_back(
            {.number = attempt, .thread = task_.noted.thread, .started_at = at, .began = time()});
      }
      inside_.emplace(observer_.in_flight_);
    }
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit() {
      task_.noted.ended = true;
      if (!observer_.with_moments_) return;
      if (!task_.noted.threw) look_for_stop();
      inside_.reset();
      if (is_first_) ++observer_.ended_;
      task_.noted.ended_at = observer_.now();
      if (!observer_.with_attempts_) return;
      attempt_record& mine = task_.noted.attempts.back();
      mine.threw = task_.noted.threw;
      mine.saw_stop = task_.noted.saw_stop;
      mine.ended_at = task_.noted.ended_at;
      mine.over = time();
    }

    /// Call it just before the task throws.
    void throws() {
      look_for_stop();
      task_.noted.threw = true;
    }

   private:
    void look_for_stop() {
      task_.noted.saw_stop = saw_stop_();
      if (task_.noted.saw_stop) note_earliest(observer_.stop_seen_by_);
    }

    observer& observer_;
    live_task& task_;
    const SawStop saw_stop_;
    bool is_first_ = false;
    std::optional<support::gauge::visit> inside_;
  };

  /// A call of the progress callback while it runs, from its first instruction to its last.
  class report {
   public:
    report(observer& seen_by, std::size_t completed, std::size_t total) : observer_(seen_by) {
      if (observer_.closed_) ++observer_.late_;
      if (observer_.reporting_.exchange(true)) observer_.overlapped_ = true;
      const std::size_t ended = observer_.with_moments_ ? observer_.ended_.load() + observer_.refused_.load() : total;
      observer_.calls_.push_back({completed, total, ended, time(), {}});
    }
    report(const report&) = delete;
    report& operator=(const report&) = delete;
    ~report() {
      observer_.calls_.back().left = time();
      observer_.reporting_ = false;
    }

    /// The number of this call, from 1.
    std::size_t number() const { return observer_.calls_.size(); }
    void throws() { observer_.callback_threw_in_ = number(); }

   private:
    observer& observer_;
  };

  /// Call it in the function around a task, before the task.
  void note_around(std::size_t index) {
    if (closed_.load(std::memory_order_relaxed)) ++late_;
    tasks_[index].arounds.fetch_add(1, std::memory_order_relaxed);
    tasks_[index].noted.around_thread = this_thread_number();
  }

  /// Call it before the function around a task throws. False if the task has not run: the batch had been stopped.
  bool fails_after_its_end(std::size_t index) {
    live_task& task = tasks_[index];
    if (!task.noted.ended || task.arounds.load(std::memory_order_relaxed) != task.starts.load(std::memory_order_relaxed))
      return false;
    task.noted.threw = true;
    if (with_attempts_) task.noted.attempts.back().threw = true;
    return true;
  }

  /// Call it before a rule of the user says that the task must never start.
  void refuses(std::size_t index) {
    tasks_[index].noted.refused_at = now();
    ++refused_;
  }

  /// Call it before a rule of the user throws, or that of when to try again.
  void rule_throws() { rule_threw_ = true; }

  /// Call it on the thread that calls, before the call.
  void note_rounding() { rounding_ = std::fegetround(); }

  /// Call it when a request of the batch's own stop source has returned.
  void stop_was_requested() {
    stop_requested_at_ = now();
    note_earliest(stop_requested_by_);
  }

  /// Call it when a task has come to the meeting. Returns the number of tasks there, with this one.
  std::size_t came_to_meet() { return ++came_to_meet_; }
  std::size_t at_meeting() const { return came_to_meet_; }
  /// The number of tasks that have noted their end, or that of their first attempt.
  std::size_t ended() const { return ended_; }

  /// What the counts of a running batch, scope or stream are, between two own counts of the tasks that have ended.
  template <class Running>
  handle_look look_at(const Running& running, bool is_over) const {
    handle_look noted;
    noted.was_ready = is_over;
    noted.ended_before = ended();
    noted.counts = running.progress();
    noted.ended_after = ended() + refused_;
    return noted;
  }
  std::size_t started() const { return started_; }
  std::size_t in_flight() const { return static_cast<std::size_t>(in_flight_.inside()); }
  void met_in_vain() { at_meeting_in_vain_ = at_meeting(); }

  void notice(std::string what) {
    const std::lock_guard lock(mutex_);
    noticed_.push_back(std::move(what));
  }

  /// Call it when the call has returned: tasks and callbacks that run from now on are late.
  void close() { closed_ = true; }

  static std::chrono::nanoseconds time() { return std::chrono::steady_clock::now().time_since_epoch(); }

  /// A number for an event that is noted elsewhere.
  moment now() { return ++clock_; }

  /// Requires `close` before, and that the results and errors have been destroyed.
  void fill(batch_record& record) {
    record.size = tasks_.size();
    record.has_moments = with_moments_;
    record.notes_attempts = with_attempts_;
    record.rule_threw = rule_threw_;
    for (const live_task& each : tasks_) {
      record.tasks.push_back(each.noted);
      record.tasks.back().starts = each.starts;
      record.tasks.back().arounds = each.arounds;
    }
    record.most_in_flight = static_cast<std::size_t>(in_flight_.most());
    record.in_flight_after = static_cast<std::size_t>(in_flight_.inside());
    record.progress = calls_;
    record.callbacks_overlapped = overlapped_;
    record.callback_threw_in = callback_threw_in_;
    record.stop_requested_at = stop_requested_at_;
    record.stop_requested_by = stop_requested_by_;
    record.stop_seen_by = stop_seen_by_;
    record.meeting.came = came_to_meet_;
    record.meeting.at_meeting_in_vain = at_meeting_in_vain_;
    record.noticed = noticed_;
    if (rounded_otherwise_) record.noticed.emplace_back("a task rounds in another direction than its caller");
    record.results_alive = results_alive;
    record.failures_alive = failures_alive;
    record.late = late_;
  }

  std::size_t late() const { return late_; }

 private:
  using earliest = std::atomic<std::chrono::nanoseconds>;  // written by all threads that note the event

  static void note_earliest(earliest& so_far) {
    const std::chrono::nanoseconds here = time();
    for (std::chrono::nanoseconds seen = so_far; here < seen && !so_far.compare_exchange_weak(seen, here);) continue;
  }

  const bool with_moments_;
  const bool with_attempts_;
  int rounding_ = std::fegetround();
  std::atomic<bool> rounded_otherwise_{false};
  std::vector<live_task> tasks_;
  std::atomic<moment> clock_{0};
  std::atomic<std::size_t> started_{0};
  std::atomic<std::size_t> ended_{0};
  std::atomic<std::size_t> refused_{0};
  std::atomic<bool> rule_threw_{false};
  support::gauge in_flight_;
  std::atomic<moment> stop_requested_at_{0};
  earliest stop_requested_by_{no_time};
  earliest stop_seen_by_{no_time};
  std::atomic<std::size_t> came_to_meet_{0};
  std::atomic<std::size_t> at_meeting_in_vain_{0};
  std::atomic<bool> closed_{false};
  std::atomic<std::size_t> late_{0};

  // Written by the callback, whose calls must not overlap. No lock, so that the thread sanitizer sees it if they do.
  std::atomic<bool> reporting_{false};
  std::atomic<bool> overlapped_{false};
  std::vector<progress_call> calls_;
  std::size_t callback_threw_in_ = 0;

  std::mutex mutex_;
  std::vector<std::string> noticed_;
};

}  // namespace stress
