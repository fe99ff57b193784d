#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>

#include "model/search.hpp"
#include "threads/reserve_line.hpp"

/// Callers and reserves at a line, which is a template argument: the line itself, or a copy with a mistake.
namespace model {

using namespace std::chrono_literals;

/// A condition variable that may be used up to a moment.
struct mortal_condition_variable : condition_variable {
  void notify_one() {
    RL_ASSERT(!dead_.look());
    condition_variable::notify_one();
  }
  void die() { dead_.raise(); }

 private:
  flag dead_;
};

struct primitives_of_line : primitives {
  using condition_variable = mortal_condition_variable;
};

/// What the callers call for: as much help as they can get.
struct duty {
  bool wants_help() const { return true; }
};

/// Threads 0 … callers - 1 call, the others are reserves. The last caller retires them all: one that is lost makes the
/// execution a deadlock, as does a call that is.
template <class Scenario, class Line, unsigned callers, unsigned reserves>
struct line_scenario : rl::test_suite<Scenario, int{callers + reserves}> {
  using calls = typename Line::calls;
  using member = typename Line::member;
  static constexpr std::chrono::nanoseconds no_spin{0};

  explicit line_scenario(std::chrono::nanoseconds spin = no_spin)
      : line_(std::make_unique<Line>(typename Line::times{.spin = spin, .most_spinning = 1, .hesitate = spin, .keep_alive = 1h})) {}

  /// Nobody ends before its time: all are promised to somebody.
  void before() {
    for (member& each : members_) line_->add_thread(each);
    RL_ASSERT(line_->promise(reserves) == 0);
  }

  void thread(unsigned me) {
    auto& self = static_cast<Scenario&>(*this);
    if (me >= callers) return self.run_reserve(me - callers);
    self.caller(me);
    if (finished_.fetch_add(1, std::memory_order_acq_rel) + 1 != callers) return;
    self.end();
  }

  void end() {
    while (!line_->retire_all()) primitives::yield();
  }

  void run_reserve(unsigned number) {
    for (calls* answered = nullptr; (answered = line_->next(members_[number], answered)) != nullptr;)
      static_cast<Scenario&>(*this).serve(answered == &calls_[0] ? 0 : 1, number);
  }

  /// A call of the batch with this number.
  void serve(unsigned batch, unsigned reserve) {
    {
      const std::lock_guard lock(mutex_);
      ++served_[batch];
      changed_.notify_all();
    }
    result_[batch][reserve](RL_INFO) = 1;
  }

  void wait_until_served(unsigned batch, unsigned times) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return served_[batch] == times; });
  }

  /// As reserves.cpp does it. Then the calls may be destroyed.
  void wait(unsigned batch, bool destroy = true) {
    if (calls_[batch].open.load(std::memory_order_acquire) != 0) line_->wait(calls_[batch]);
    for (auto& each : result_[batch]) each(RL_INFO) = 2;
    if (destroy) calls_[batch].over.die();
  }

  /// Calls so many, and withdraws when they all were answered, as the `served` calls of the batch that there have been then.
  void have_answered(unsigned batch, unsigned count, unsigned served, bool destroy = true) {
    RL_ASSERT(line_->call(calls_[batch], count, 0) == 0);
    wait_until_served(batch, served);
    RL_ASSERT(line_->withdraw(calls_[batch], 0) == 0);
    wait(batch, destroy);
  }

  void after() {
    RL_ASSERT(line_->threads() == 0);
  }

  std::unique_ptr<Line> line_;
  std::array<member, reserves> members_;
  duty duty_;
  std::array<calls, 2> calls_{calls(duty_), calls(duty_)};
  std::array<std::array<rl::var<int>, reserves>, 2> result_;
  model::atomic<unsigned> finished_{0};
  mutex mutex_;
  condition_variable changed_;
  std::array<unsigned, 2> served_{};
};

/// A caller waits until each of its calls was answered, before it withdraws what is none.
template <class Line, unsigned callers, unsigned reserves, unsigned count, unsigned rounds = 1>
struct answering
    : line_scenario<answering<Line, callers, reserves, count, rounds>, Line, callers, reserves> {
  void caller(unsigned me) {
    for (unsigned round = 1; round <= rounds; ++round) this->have_answered(me, count, round * count, round == rounds);
  }
};

/// One call, and then one for each reserve, which all meet. One that has answered the first spins before it parks again.
template <class Line, unsigned reserves>
struct meeting_after_a_spin : line_scenario<meeting_after_a_spin<Line, reserves>, Line, 1, reserves> {
  using base = line_scenario<meeting_after_a_spin<Line, reserves>, Line, 1, reserves>;
  meeting_after_a_spin() : base(6us) {}
  static unsigned count(unsigned batch) { return batch == 0 ? 1 : reserves; }
  void caller(unsigned) {
    for (const unsigned batch : {0U, 1U}) this->have_answered(batch, count(batch), count(batch));
  }
  void serve(unsigned batch, unsigned reserve) {
    base::serve(batch, reserve);
    this->wait_until_served(batch, count(batch));
  }
};

/// The only reserve is new, and may come to the line after the call.
template <class Line>
struct coming_to_a_call : line_scenario<coming_to_a_call<Line>, Line, 1, 1> {
  using base = line_scenario<coming_to_a_call<Line>, Line, 1, 1>;
  void before() {}
  void caller(unsigned) {
    this->line_->call(this->calls_[0], 1, 0);
    this->wait_until_served(0, 1);
    this->line_->withdraw(this->calls_[0], 0);
    this->wait(0);
  }
  void run_reserve(unsigned number) {
    this->line_->add_thread(this->members_[number]);
    RL_ASSERT(this->line_->promise(1) == 0);  // so that it does not end by itself
    base::run_reserve(number);
  }
};

/// A caller withdraws at once, and calls again: what was answered and what was withdrawn are all; and the later calls are
/// answered, also by a reserve that was on its way to those before.
template <class Line, unsigned reserves, unsigned count>
struct withdrawing : line_scenario<withdrawing<Line, reserves, count>, Line, 1, reserves> {
  void caller(unsigned) {
    this->line_->call(this->calls_[0], count, 0);
    const std::size_t withdrawn = this->line_->withdraw(this->calls_[0], 0);
    this->wait(0);
    RL_ASSERT(withdrawn + this->served_[0] == count);
    this->have_answered(1, 1, 1);
  }
};

/// A reserve has answered a call, and spins, when the first caller calls and withdraws at once. The last caller's calls are
/// answered, which come afterwards or, where it is another one, meanwhile.
template <class Line, unsigned callers, unsigned reserves>
struct calling_off : line_scenario<calling_off<Line, callers, reserves>, Line, callers, reserves> {
  using base = line_scenario<calling_off<Line, callers, reserves>, Line, callers, reserves>;
  calling_off() : base(2us) {}
  void caller(unsigned me) {
    if (me == 0) {
      this->have_answered(0, 1, 1, /*destroy=*/false);
      this->line_->call(this->calls_[0], 1, 0);
      const std::size_t withdrawn = this->line_->withdraw(this->calls_[0], 0);
      this->wait(0);
      RL_ASSERT(withdrawn + this->served_[0] == 2);
    }
    if (me + 1 == callers) this->have_answered(1, reserves, reserves);
  }
};

/// Nobody was promised the reserve, so it ends when its time is over, which the search lets pass at any moment. A call
/// that was promised it, with the call or before, is answered.
template <class Line, bool before_the_call>
struct ending : line_scenario<ending<Line, before_the_call>, Line, 1, 1> {
  using base = line_scenario<ending<Line, before_the_call>, Line, 1, 1>;

  void before() { this->line_->add_thread(this->members_[0]); }
  void caller(unsigned) {
    if (before_the_call && this->line_->promise(1) != 0) return;
    const std::size_t promised_now = before_the_call ? 0 : 1;
    if (this->line_->call(this->calls_[0], 1, promised_now) != 0) return;
    this->wait_until_served(0, 1);
    RL_ASSERT(this->line_->withdraw(this->calls_[0], promised_now) == 0);
    this->wait(0);
    if (before_the_call) this->line_->take_back_promise(1);
  }
  void end() { this->line_->retire(1); }
  void after() {
    base::after();
    RL_ASSERT(this->line_->promised() == 0);
  }
};

/// Two calls that each want a promise. What is called for the first waits for the end of the second, or until that has
/// given up; but the second is promised no reserve that is at work.
template <class Line>
struct promising : line_scenario<promising<Line>, Line, 2, 1> {
  using base = line_scenario<promising<Line>, Line, 2, 1>;
  bool second_is_over_ = false;  // guarded by mutex_

  void before() {
    this->line_->add_thread(this->members_[0]);
    RL_ASSERT(this->line_->promise(1) == 0);  // so that it does not end by itself …
    this->line_->take_back_promise(1);
  }

  void caller(unsigned me) {
    if (this->line_->call(this->calls_[me], 1, 1) == 0) {
      if (me == 1) this->wait_until_served(1, 1);
      this->line_->withdraw(this->calls_[me], 1);
      this->wait(me);
    }
    if (me == 0) return;
    const std::lock_guard lock(this->mutex_);
    second_is_over_ = true;
    this->changed_.notify_all();
  }

  void serve(unsigned batch, unsigned reserve) {
    base::serve(batch, reserve);
    if (batch == 1) return;
    std::unique_lock lock(this->mutex_);
    this->changed_.wait(lock, [&] { return second_is_over_; });
  }
};

}  // namespace model
