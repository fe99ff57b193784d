#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

#include "engine/agenda_desk.hpp"
#include "model/agenda_desk_parts.hpp"
#include "model/search.hpp"

namespace model {

/// A batch with its desk. Thread 0 is the caller, which works. What the other threads do, the scenario says by `act`:
/// they may run tasks (`serve`), keep the time (`keep_time`), stop the batch or open a gate. If a wake-up is lost,
/// the execution is a deadlock.
template <class Scenario, template <class, class, class, class> class Desk, unsigned threads, std::size_t tasks,
          std::size_t tickets = 1>
struct desk_scenario : rl::test_suite<Scenario, int{threads}> {
  using desk = Desk<desk_primitives, watched_agenda, Scenario, desk_ticket>;
  using gate = desk_gate<desk_scenario>;

  Scenario& self() { return static_cast<Scenario&>(*this); }

  void before() {
    desk_primitives::time = &time_;
    self().open_gates();
    desk_ = std::make_unique<desk>(self(), tasks, watched_agenda(tasks, stopped_), gates_, tickets_);
  }
  void open_gates() {}

  gate& open_gate(typename gate::rule rule) {
    auto made = std::make_unique<gate>(*this, std::move(rule));
    gate& here = *made;
    gates_.push_back(std::move(made));
    return here;
  }

  void thread(unsigned me) {
    if (me == 0) {
      call();
    } else {
      self().act(me);
    }
  }

  // ── Its threads ──

  void call() {
    desk_->open();
    do serve(/*is_caller=*/true);
    while (!desk_->sleep());
    alarm_.cancel();
    scope_.end();
    for (const auto& each : gates_) static_cast<gate&>(*each).close();
    destroyed_ = true;
  }

  void serve(bool is_caller = false) {
    while (desk_ticket* const mine = scope_.take(is_caller)) desk_->use(*mine, *this);
  }

  void keep_time() {
    alarm_.keep([this] {
      desk_->ring();
      if (self().needs_slot()) static_cast<void>(desk_->step_aside(/*leaves_line=*/true));
      RL_ASSERT(!destroyed_);
    });
  }

  void stop() {
    const bool gives_up = desk_->stop();
    stopped_ = true;
    tasks_are_told_.raise();  // other threads may go on meanwhile
    if (gives_up) desk_->give_up();
  }

  bool ask_again() {
    const bool asks = desk_->ask_again() == desk::awake::asks;
    RL_ASSERT(!destroyed_);
    return asks || !self().needs_slot() || !desk_->step_aside(/*leaves_line=*/false);
  }
  bool needs_slot() const { return false; }

  // ── What the desk asks for ──

  std::size_t most_tickets() const { return tickets; }
  void note_at_work(std::size_t out) {
    RL_ASSERT(!destroyed_ && out <= tickets);
    scope_.note_out(out);
  }
  bool is_slot_wanted() const { return false; }
  void ring_at(steady_clock::time_point when) { alarm_.set_again(when); }
  steady_clock::time_point time_of_next(const work& ended) const { return at(ended.attempt); }
  void add(desk_ticket* one) {
    if (one != nullptr) scope_.add(*one);
  }

  template <class Runner>
  std::exception_ptr run_attempt(const work& what, Runner&) {
    RL_ASSERT(what.attempt == ++attempts_[what.index]);
    RL_ASSERT(ends_[what.index] == 0 && !destroyed_);
    const bool failed = self().fails(what);
    for (const auto& each : gates_) each->end(what.index);
    return failed ? failure() : nullptr;
  }
  bool fails(const work&) { return false; }
  bool wants_again(const work&, const std::exception_ptr&) const { return true; }

  void end(const work& ended, const std::exception_ptr&) {
    ++ends_[ended.index];
    self().ended(ended);
  }
  void ended(const work&) {}
  void keep_failure(const work& unstarted) {
    RL_ASSERT(!destroyed_ && unstarted.attempt == attempts_[unstarted.index] + 1);
    ++ends_[unstarted.index];
  }
  void break_off(const std::exception_ptr&) { stop(); }

  void after() {
    for (std::size_t i = 0; i != tasks; ++i)
      RL_ASSERT(ends_[i] == 1 || (stopped_ && ends_[i] == 0 && attempts_[i] == 0));
  }

  static steady_clock::time_point at(unsigned tick) { return steady_clock::time_point(std::chrono::seconds(tick)); }

  static const std::exception_ptr& failure() {
    static const std::exception_ptr one = std::make_exception_ptr(0);
    return one;
  }

  manual_clock time_;
  desk_alarm alarm_;
  ticket_scope scope_;
  std::array<desk_ticket, tickets> tickets_;
  typename desk::gates gates_;
  std::unique_ptr<desk> desk_;
  std::array<unsigned, tasks> attempts_{};
  std::array<unsigned, tasks> ends_{};
  bool stopped_ = false;    // written by the thread that stops, after the desk has said that it is
  flag tasks_are_told_;
  bool destroyed_ = false;  // the batch is over
};

}  // namespace model
