#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "admission/gate.hpp"
#include "engine/agenda.hpp"
#include "model/search.hpp"

/// What surrounds the desk of an unequal batch: the clock, the scope of its threads, and gates. The agenda is the
/// real one.
namespace model {

using std::chrono::steady_clock;
using fanout::detail::admission_reply;
using answer = admission_reply::kind;
using work = fanout::detail::agenda::work;

/// Time passes when an alarm is about to ring, at any moment that the search wants.
class manual_clock {
 public:
  steady_clock::time_point now() const {
    announce({step::kind::read, this});
    rl::ctx().sched();
    return now_;
  }
  void pass(steady_clock::time_point to) {
    announce({step::kind::write, this});
    rl::ctx().sched();
    now_ = std::max(now_, to);
  }

 private:
  steady_clock::time_point now_{};
};

struct desk_primitives : primitives {
  static inline manual_clock* time = nullptr;  // of the present execution
  static steady_clock::time_point now() { return time->now(); }
};

/// As in threads/alarms.hpp: `ring` is called once for each time that was set and not replaced.
class desk_alarm {
 public:
  void set_again(steady_clock::time_point at) {
    const std::lock_guard lock(mutex_);
    at_ = at;
    changed_.notify_all();
  }

  /// The thread that keeps the time.
  template <class Ring>
  void keep(const Ring& ring) {
    for (std::unique_lock lock(mutex_);;) {
      changed_.wait(lock, [this] { return at_ != never || cancelled_; });
      if (cancelled_) return;
      const steady_clock::time_point at = at_;
      lock.unlock();
      desk_primitives::time->pass(at);
      lock.lock();
      if (cancelled_) return;
      if (at_ > at) continue;
      at_ = never;
      rings_ = true;
      lock.unlock();
      ring();
      lock.lock();
      rings_ = false;
      if (cancelled_) changed_.notify_all();
    }
  }

  void cancel() {
    std::unique_lock lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !rings_; });
  }

 private:
  static constexpr auto never = steady_clock::time_point::max();
  mutex mutex_;
  condition_variable changed_;
  steady_clock::time_point at_ = never;
  bool rings_ = false;
  bool cancelled_ = false;
};

struct desk_ticket {
  desk_ticket* next_free = nullptr;
};

/// The scope of the batch: where tickets wait for runners.
class ticket_scope {
 public:
  void add(desk_ticket& one) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(&one);
    changed_.notify_all();
  }
  void note_out(std::size_t tickets) {
    const std::lock_guard lock(mutex_);
    out_ = tickets;
    if (out_ == 0) changed_.notify_all();
  }
  void end() {
    const std::lock_guard lock(mutex_);
    RL_ASSERT(out_ == 0 && waiting_.empty());
    ended_ = true;
    changed_.notify_all();
  }

  /// The next ticket for a runner. Null for the caller of the batch if none is out, and for others at the end.
  desk_ticket* take(bool is_caller) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty() || (is_caller ? out_ == 0 : ended_); });
    if (waiting_.empty()) return nullptr;
    desk_ticket* const first = waiting_.front();
    waiting_.erase(waiting_.begin());
    return first;
  }

 private:
  mutex mutex_;
  condition_variable changed_;
  std::vector<desk_ticket*> waiting_;
  std::size_t out_ = 0;
  bool ended_ = false;
};

/// The real agenda. Two threads that use it without an order between them are a data race, and nothing may be taken
/// when the batch was stopped.
class watched_agenda {
 public:
  using time_point = fanout::detail::agenda::time_point;
  using work = model::work;

  watched_agenda(std::size_t size, const bool& stopped) : all_(size, {}), stopped_(&stopped) { change(); }

  bool has_ready() const {
    look();
    return all_.has_ready();
  }
  time_point next_time() const {
    look();
    return all_.next_time();
  }
  work take() {
    change();
    RL_ASSERT(!*stopped_);
    return all_.take();
  }
  void put_back(work&& taken) {
    change();
    all_.put_back(std::move(taken));
  }
  void try_again(const work& ended, const std::exception_ptr& cause, time_point from) {
    change();
    all_.try_again(ended, cause, from);
  }
  void wake(time_point now) {
    change();
    all_.wake(now);
  }
  template <class Keep>
  void drop_all(const Keep& keep) {
    change();
    all_.drop_all(keep);
  }

 private:
  void look() const { static_cast<void>(static_cast<int>((*used_)(RL_INFO))); }
  void change() { (*used_)(RL_INFO) = 1; }

  fanout::detail::agenda all_;
  const bool* stopped_;  // written after the desk has said that it is
  std::unique_ptr<rl::var<int>> used_ = std::make_unique<rl::var<int>>();
};

/// A gate that asks a function of the scenario, under its mutex, and notes what it has promised. `Owner` has the
/// function `ask_again`, which returns false if the batch steps aside.
template <class Owner>
class desk_gate final : public fanout::detail::gate {
 public:
  using rule = std::function<admission_reply(std::size_t index, std::size_t running)>;

  desk_gate(Owner& of, rule its_rule) : of_(of), rule_(std::move(its_rule)) { asked_(RL_INFO) = 0; }

  admission_reply ask(std::size_t index, std::size_t running) override {
    asked_(RL_INFO) = 1;  // a data race if two ask
    const std::lock_guard lock(mutex_);
    admission_reply reply = rule_(index, running);
    in_line_ = reply.what == answer::wait;
    if (reply.what == answer::yes) held_.insert(index);
    return reply;
  }

  void leave() noexcept override {
    asked_(RL_INFO) = 1;
    const std::lock_guard lock(mutex_);
    in_line_ = false;
  }

  void step_aside() noexcept override {
    const std::lock_guard lock(mutex_);
    in_line_ = false;
  }

  void end(std::size_t index) noexcept override {
    change([&] { RL_ASSERT(held_.erase(index) == 1); });
  }

  /// Changes what the rule looks at, and tells the batch if it is in line.
  template <class Change>
  void change(const Change& what) {
    const std::lock_guard lock(mutex_);
    what();
    if (in_line_ && !of_.ask_again()) in_line_ = false;
  }

  /// By how many tasks. For a rule, which is called under the mutex.
  std::size_t held() const { return held_.size(); }

  /// The batch is over.
  void close() {
    const std::lock_guard lock(mutex_);
    RL_ASSERT(!in_line_ && held_.empty());
  }

 private:
  Owner& of_;
  const rule rule_;
  rl::var<int> asked_;
  mutex mutex_;
  std::set<std::size_t> held_;  // by which tasks
  bool in_line_ = false;
};

}  // namespace model
