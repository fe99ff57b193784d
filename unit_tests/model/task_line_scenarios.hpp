#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

#include "engine/task_line.hpp"
#include "model/search.hpp"

/// Those who add tasks to a line, and its runners. The line is a template argument: the line itself, or a copy with a
/// mistake.
namespace model {

struct task {
  task* next = nullptr;
  void set_index(std::size_t to) { index = to; }
  std::size_t index = 0;
  rl::var<int> content;
};

struct event {
  void set() {
    const std::lock_guard lock(mutex_);
    happened_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return happened_; });
  }

 private:
  mutex mutex_;
  condition_variable changed_;
  bool happened_ = false;
};

/// Thread 0 is the owner. The last `runners` threads come when they are called, as reserves do, and run tasks. A task
/// that is forgotten, or a thread that is not woken, makes the execution a deadlock.
template <class Scenario, class Line, unsigned threads, unsigned runners>
struct task_scenario : rl::test_suite<Scenario, int{threads}> {
  static constexpr std::size_t unbounded = Line::unbounded;

  explicit task_scenario(std::size_t limit = runners, std::size_t most_pending = unbounded)
      : line_(std::make_unique<Line>(limit, most_pending, runners != 0)) {}

  void thread(unsigned me) {
    auto& self = static_cast<Scenario&>(*this);
    if (me + runners >= threads) return self.be_called();
    self.act(me);
    if (me == 0) self.end();
  }

  // ── The calls for runners ──

  void call() {
    const std::lock_guard lock(mutex_);
    ++calls_;
    changed_.notify_all();
  }

  std::size_t withdraw() {
    const std::lock_guard lock(mutex_);
    const std::size_t withdrawn = calls_;
    calls_ = 0;
    return withdrawn;
  }

  void be_called() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return calls_ != 0 || is_over_; });
        if (calls_ == 0) return;
        --calls_;
      }
      if (line_->arrive()) call();
      work(/*looks=*/1);
    }
  }

  // ── Adding and running ──

  /// Adds task number `number`, which has memory of its own.
  void add(std::size_t number) {
    made_[number].content(RL_INFO) = 1;
    for (;;) {
      const auto done = line_->add(/*beyond=*/false, made_[number]);
      if (done.calls) call();
      if (done.what != Line::fate::full) return;
      if (line_->sleep({.room = true, .call = false, .in_turn = true})) call();
    }
  }

  void run(task& which) {
    RL_ASSERT(which.content(RL_INFO) == 1);
    RL_ASSERT(which.index < line_->taken());
    which.content(RL_INFO) = 2;
    ran_.fetch_add(1, std::memory_order_relaxed);
    static_cast<Scenario&>(*this).ran(which);
  }
  void ran(task&) {}
  bool goes_on(unsigned& left) { return left-- != 0; }

  void work(unsigned looks) {
    for (;;) {
      if (task* const next = line_->take(); next != nullptr) {
        run(*next);
        continue;
      }
      const auto resting = line_->pause(looks != 0);
      if (resting.calls) call();
      if (resting.how == Line::rest::work) continue;
      if (resting.how == Line::rest::leave) return;
      unsigned left = looks;
      const auto looking = line_->look([&] { return static_cast<Scenario&>(*this).goes_on(left); });
      if (looking.calls) call();
      if (!looking.works) return;
    }
  }

  // ── The owner ──

  void end() {
    do {
      while (!line_->is_over_now())
        if (line_->sleep({.room = false, .call = false})) call();
      drop_unstarted();
    } while (!line_->try_close());
    close();
  }

  /// The same for an owner that works, as task_scope_core does it.
  void end_working() {
    do {
      while (!line_->is_over_now()) {
        bool all_arrive = false;
        const auto answer = line_->offer_work();
        bool works = answer == Line::offer::accepted;
        if (answer == Line::offer::replaces) {
          const std::size_t replaced = withdraw();
          works = replaced != 0;
          all_arrive = !works;
          if (works && line_->call_off(replaced - 1)) call();
        }
        if (works) {
          if (line_->arrive()) call();
          work(/*looks=*/0);
        } else if (line_->sleep({.room = false, .call = true, .call_since_offer = !all_arrive})) {
          call();
        }
      }
      drop_unstarted();
    } while (!line_->try_close());
    close();
  }

  void drop_unstarted() {
    while (line_->take_unstarted() != nullptr) {
    }
  }

  void close() {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }

  std::size_t expected() const { return line_->added(); }
  void after() {
    RL_ASSERT(ran_.load(std::memory_order_relaxed) == static_cast<Scenario&>(*this).expected());
  }

  std::unique_ptr<Line> line_;
  std::array<task, 3> made_;
  model::atomic<std::size_t> ran_{0};
  mutex mutex_;
  condition_variable changed_;
  std::size_t calls_ = 0;
  bool is_over_ = false;
};

/// The owner adds tasks, waits, and reads what they have written.
template <class Line, unsigned tasks = 2>
struct adding : task_scenario<adding<Line, tasks>, Line, 2, 1> {
  using base = task_scenario<adding<Line, tasks>, Line, 2, 1>;
  void act(unsigned) {
    for (unsigned i = 0; i != tasks; ++i) this->add(i);
  }
  void ran(task& which) { RL_ASSERT(&which == &this->made_[which.index]); }  // in the order of adding
  void end() {
    base::end();
    for (unsigned i = 0; i != tasks; ++i) RL_ASSERT(this->made_[i].content(RL_INFO) == 2);
  }
};

/// Where one task at most may wait. The second task ends when the third has been added, for which there is room
/// once the second has begun.
template <class Line>
struct adding_in_line : task_scenario<adding_in_line<Line>, Line, 2, 1> {
  adding_in_line() : task_scenario<adding_in_line, Line, 2, 1>(1, 1) {}
  void act(unsigned) {
    for (unsigned i = 0; i != 3; ++i) this->add(i);
    all_added_.set();
  }
  void ran(task& which) {
    if (&which == &this->made_[1]) all_added_.wait();
  }
  event all_added_;
};

/// The owner works instead of the runner, or beside it. The first task adds another.
template <class Line, std::size_t limit>
struct working : task_scenario<working<Line, limit>, Line, 2, 1> {
  working() : task_scenario<working, Line, 2, 1>(limit) {}
  void act(unsigned) { this->add(0); }
  void ran(task& which) {
    if (&which == &this->made_[0]) this->add(1);
  }
  void end() { this->end_working(); }
};

/// The first task adds another, and waits until that has run: so the owner must run one of them.
template <class Line>
struct needing_the_owner : task_scenario<needing_the_owner<Line>, Line, 2, 1> {
  needing_the_owner() : task_scenario<needing_the_owner, Line, 2, 1>(2) {}
  void act(unsigned) { this->add(0); }
  void ran(task& which) {
    if (&which == &this->made_[1]) return second_ran_.set();
    this->add(1);
    second_ran_.wait();
  }
  void end() { this->end_working(); }
  event second_ran_;
};

/// The line is stopped by another thread while the owner adds, and waits for room. The first task ends when the
/// owner has added all. `late`: the stop comes when the owner is about to wait.
template <class Line, bool late = false>
struct stopping : task_scenario<stopping<Line, late>, Line, 3, 1> {
  stopping() : task_scenario<stopping, Line, 3, 1>(1, 1) {}
  void act(unsigned me) {
    if (me == 1) {
      if (late) two_added_.wait();
      this->line_->stop();
      return;
    }
    this->add(0);
    this->add(1);
    two_added_.set();
    this->add(2);
    all_added_.set();
  }
  void ran(task&) { all_added_.wait(); }
  std::size_t expected() const { return this->line_->taken(); }
  event two_added_;
  event all_added_;
};

/// Two tasks that wait for each other, and two runners.
template <class Line>
struct meeting : task_scenario<meeting<Line>, Line, 3, 2> {
  void act(unsigned) {
    this->add(0);
    this->add(1);
  }
  void ran(task&) {
    std::unique_lock lock(meeting_);
    ++here_;
    both_.notify_all();
    both_.wait(lock, [this] { return here_ == 2; });
  }
  mutex meeting_;
  condition_variable both_;
  unsigned here_ = 0;
};

/// Two who add.
template <class Line>
struct adding_together : task_scenario<adding_together<Line>, Line, 3, 1> {
  void act(unsigned me) {
    this->add(me);
    if (me != 0) return;
    while (this->line_->added_now() != 2) primitives::yield();
  }
};

/// Three who add, of whom two may wait for room at the same time: each place that comes free wakes one.
template <class Line>
struct adding_in_turn : task_scenario<adding_in_turn<Line>, Line, 4, 1> {
  adding_in_turn() : task_scenario<adding_in_turn, Line, 4, 1>(1, 1) {}
  void act(unsigned me) {
    this->add(me);
    if (me != 0) return;
    while (this->line_->added() != 3) primitives::yield();
  }
};

/// Another thread adds a task while the owner closes the line.
template <class Line>
struct adding_at_the_end : task_scenario<adding_at_the_end<Line>, Line, 3, 1> {
  void act(unsigned me) {
    if (me == 0) return;
    this->made_[0].content(RL_INFO) = 1;
    const auto done = this->line_->add(/*beyond=*/false, this->made_[0]);
    if (done.calls) this->call();
    was_added_ = done.what == Line::fate::added;
  }
  std::size_t expected() const {
    RL_ASSERT(this->line_->added() == was_added_);
    return was_added_;
  }
  bool was_added_ = false;
};

/// The owner adds two tasks, and another once these have ended, while the runner looks for it or leaves.
template <class Line>
struct adding_later : task_scenario<adding_later<Line>, Line, 2, 1> {
  void act(unsigned) {
    this->add(0);
    this->add(1);
    while (!this->line_->is_over_now()) primitives::yield();
    this->add(2);
  }
};

/// What is added after the stop is not kept.
template <class Line>
struct adding_after_the_stop : task_scenario<adding_after_the_stop<Line>, Line, 2, 1> {
  void act(unsigned) {
    this->add(0);
    this->line_->stop();
    RL_ASSERT(this->line_->add(/*beyond=*/false, this->made_[1]).what == Line::fate::ignored);
    RL_ASSERT(this->line_->added() == 2);
  }
  std::size_t expected() const { return this->line_->taken(); }
};

/// There are more runners to be called than may run a task at a time.
template <class Line>
struct one_by_one : task_scenario<one_by_one<Line>, Line, 3, 2> {
  one_by_one() : task_scenario<one_by_one, Line, 3, 2>(1) {}
  void act(unsigned) {
    this->add(0);
    while (this->ran_.load(std::memory_order_relaxed) == 0) primitives::yield();
    this->add(1);
    this->add(2);
  }
  void ran(task&) {
    RL_ASSERT(now_.fetch_add(1, std::memory_order_relaxed) == 0);
    primitives::yield();
    now_.fetch_sub(1, std::memory_order_relaxed);
  }
  model::atomic<unsigned> now_{0};
};

/// The first runner looks, but does not get the core back before the second task has run. `most_pending`: the bound.
template <class Line, std::size_t most_pending = Line::unbounded>
struct adding_before_a_looker : task_scenario<adding_before_a_looker<Line, most_pending>, Line, 3, 2> {
  adding_before_a_looker() : task_scenario<adding_before_a_looker, Line, 3, 2>(2, most_pending) {}
  void act(unsigned) {
    this->add(0);
    looks_.wait();
    this->add(1);
    second_ran_.wait();
  }
  void ran(task& which) {
    if (&which == &this->made_[1]) second_ran_.set();
  }
  bool goes_on(unsigned& left) {
    if (left != 0) return left-- != 0;
    looks_.set();
    second_ran_.wait();
    return false;
  }
  event looks_;
  event second_ran_;
};

}  // namespace model
