#pragma once

#include <cstddef>
#include <exception>
#include <mutex>
#include <stdexcept>

#include "model/agenda_desk_batch.hpp"

/// Batches whose tasks wait, fail, and are stopped. The desk is a template argument: the desk itself, or a copy with
/// a mistake.
namespace model {

#define DESK template <class, class, class, class> class Desk

/// Two runners, if nothing is in the way of a task.
template <DESK, bool slot_is_wanted = false>
struct running : desk_scenario<running<Desk, slot_is_wanted>, Desk, 2, 2, 2> {
  void act(unsigned) { this->serve(); }
  bool is_slot_wanted() const { return slot_is_wanted; }
};

/// Two tasks that wait for each other.
template <DESK>
struct meeting : desk_scenario<meeting<Desk>, Desk, 2, 2, 2> {
  void act(unsigned) { this->serve(); }
  bool fails(const work&) {
    std::unique_lock lock(meeting_);
    ++here_;
    both_.notify_all();
    both_.wait(lock, [this] { return here_ == 2; });
    return false;
  }
  mutex meeting_;
  condition_variable both_;
  unsigned here_ = 0;
};

/// The first task fails twice and pauses each time; the last one is ready. Thread 1 keeps the time.
template <DESK, std::size_t tasks>
struct retrying : desk_scenario<retrying<Desk, tasks>, Desk, 2, tasks> {
  void act(unsigned) { this->keep_time(); }
  bool fails(const work& what) { return what.index == 0 && what.attempt < 3; }
};

/// Two runners, of which the pauses of two tasks end at different times. Thread 2 keeps the time.
template <DESK>
struct retrying_together : desk_scenario<retrying_together<Desk>, Desk, 3, 2, 2> {
  void act(unsigned me) { me == 1 ? this->serve() : this->keep_time(); }
  bool fails(const work& what) { return what.attempt == 1; }
  auto time_of_next(const work& ended) const { return this->at(2 - static_cast<unsigned>(ended.index)); }
};

/// A gate is closed until another thread opens it, the last one. If there are three, thread 1 works.
template <DESK, unsigned threads, std::size_t tasks>
struct told_by_a_gate : desk_scenario<told_by_a_gate<Desk, threads, tasks>, Desk, threads, tasks, threads - 1> {
  void open_gates() {
    gate_ = &this->open_gate([this](auto, auto) { return admission_reply{is_open_ ? answer::yes : answer::wait}; });
  }
  void act(unsigned me) {
    if (me + 1 != threads) return this->serve();
    gate_->change([this] { is_open_ = true; });
  }
  desk_gate<typename told_by_a_gate::desk_scenario>* gate_ = nullptr;
  bool is_open_ = false;
};

/// Two runners and a budget that has room for one task, so each waits for the end of the other's.
template <DESK, std::size_t tasks>
struct sharing_a_budget : desk_scenario<sharing_a_budget<Desk, tasks>, Desk, 2, tasks, 2> {
  void open_gates() {
    gate_ = &this->open_gate([this](auto, auto) {
      return admission_reply{gate_->held() == 0 ? answer::yes : answer::wait};
    });
  }
  void act(unsigned) { this->serve(); }
  desk_gate<typename sharing_a_budget::desk_scenario>* gate_ = nullptr;
};

/// The last task is admitted only while no other one runs, which the batch must notice without a word of the gate.
/// When the second one has ended, one runner is enough.
template <DESK, std::size_t tasks>
struct becoming_fewer : desk_scenario<becoming_fewer<Desk, tasks>, Desk, 2, tasks, 2> {
  void open_gates() {
    this->open_gate([](std::size_t index, std::size_t running) {
      return admission_reply{index + 1 != tasks || running == 0 ? answer::yes : answer::wait};
    });
  }
  void act(unsigned) { this->serve(); }
  std::size_t most_tickets() const { return one_is_enough_.load(std::memory_order_relaxed) ? 1 : 2; }
  void ended(const work& what) {
    if (what.index == 1) one_is_enough_.store(true, std::memory_order_relaxed);
  }
  model::atomic<bool> one_is_enough_{false};
};

/// A gate that admits nothing before a time. Thread 1 keeps the time.
template <DESK>
struct told_by_the_time : desk_scenario<told_by_the_time<Desk>, Desk, 2, 2> {
  void open_gates() {
    this->open_gate([this](std::size_t index, auto) {
      const auto opens = this->at(index == 0 ? 2 : 1);
      return desk_primitives::now() < opens ? admission_reply{answer::wait, opens} : admission_reply{answer::yes};
    });
  }
  void act(unsigned) { this->keep_time(); }
};

/// While the first task pauses, the second of two gates refuses the other one. Thread 1 keeps the time.
template <DESK>
struct refused_beside_a_pause : desk_scenario<refused_beside_a_pause<Desk>, Desk, 2, 2> {
  void open_gates() {
    this->open_gate([](auto, auto) { return admission_reply{answer::yes}; });
    this->open_gate([](std::size_t index, auto) { return admission_reply{index == 0 ? answer::yes : answer::never}; });
  }
  void act(unsigned) { this->keep_time(); }
  bool fails(const work& what) { return what.attempt == 1; }
};

/// A gate admits the second task when the first one, which fails and pauses, has been tried again. Thread 1 keeps the
/// time.
template <DESK>
struct overtaken_after_a_pause : desk_scenario<overtaken_after_a_pause<Desk>, Desk, 2, 2> {
  void open_gates() {
    this->open_gate([this](std::size_t index, auto) {
      return admission_reply{index == 0 || this->attempts_[0] == 2 ? answer::yes : answer::wait};
    });
  }
  void act(unsigned) { this->keep_time(); }
  bool fails(const work& what) { return what.index == 0 && what.attempt == 1; }
};

/// A gate refuses the second attempt at a task, which ends the batch. Thread 1 keeps the time.
template <DESK>
struct refused_when_tried_again : desk_scenario<refused_when_tried_again<Desk>, Desk, 2, 1> {
  void open_gates() {
    this->open_gate([](auto, auto) { return admission_reply{answer::yes}; });
    this->open_gate([this](auto, auto) {
      return admission_reply{this->attempts_[0] == 0 ? answer::yes : answer::never};
    });
  }
  void act(unsigned) { this->keep_time(); }
  bool fails(const work&) { return true; }
  void ended(const work&) { this->stop(); }
};

/// A gate throws.
template <DESK>
struct broken_off_by_a_gate : desk_scenario<broken_off_by_a_gate<Desk>, Desk, 2, 3, 2> {
  void open_gates() {
    this->open_gate([](auto, auto) { return admission_reply{answer::yes}; });
    this->open_gate([](std::size_t index, auto) {
      if (index == 1) throw std::runtime_error("gate");
      return admission_reply{answer::yes};
    });
  }
  void act(unsigned) { this->serve(); }
};

/// Two runners. The second task ends when the first one has been tried again, after a pause, for which a gate must
/// have admitted both. Thread 2 keeps the time.
template <DESK>
struct meeting_after_a_pause : desk_scenario<meeting_after_a_pause<Desk>, Desk, 3, 2, 2> {
  void open_gates() {
    this->open_gate([](auto, auto) { return admission_reply{answer::yes}; });
  }
  void act(unsigned me) { me == 1 ? this->serve() : this->keep_time(); }
  bool fails(const work& what) {
    if (what.attempt == 1 && what.index == 0) return true;
    std::unique_lock lock(meeting_);
    if (what.index == 0) is_here_ = true;
    came_.notify_all();
    came_.wait(lock, [this] { return is_here_; });
    return false;
  }
  mutex meeting_;
  condition_variable came_;
  bool is_here_ = false;
};

/// The last thread stops the batch at any moment, while a task that was to be tried again pauses for longer than the
/// batch lives. If there are three, thread 1 works.
template <DESK, unsigned threads, bool at_a_gate>
struct stopped_in_a_pause
    : desk_scenario<stopped_in_a_pause<Desk, threads, at_a_gate>, Desk, threads, 2, threads - 1> {
  void open_gates() {
    if (at_a_gate) this->open_gate([](auto, auto) { return admission_reply{answer::yes}; });
  }
  void act(unsigned me) { me + 1 == threads ? this->stop() : this->serve(); }
  bool fails(const work& what) { return what.index == 0; }
};

/// The same while the next task has passed one gate and waits at another, which thread 1 opens if there are three.
template <DESK, unsigned threads, bool tried_again = false>
struct stopped_at_a_gate : desk_scenario<stopped_at_a_gate<Desk, threads, tried_again>, Desk, threads, 1> {
  void open_gates() {
    this->open_gate([](auto, auto) { return admission_reply{answer::yes}; });
    gate_ = &this->open_gate([this](auto, auto) {
      const bool is_open = is_open_ || (tried_again && this->attempts_[0] == 0);
      return admission_reply{is_open ? answer::yes : answer::wait};
    });
  }
  void act(unsigned me) {
    if (me + 1 == threads) return this->stop();
    gate_->change([this] { is_open_ = true; });
  }
  bool fails(const work& what) { return tried_again && what.attempt == 1; }
  auto time_of_next(const work&) const { return this->at(0); }
  desk_gate<typename stopped_at_a_gate::desk_scenario>* gate_ = nullptr;
  bool is_open_ = false;
};

/// A task stops the batch.
template <DESK>
struct stopped_by_a_task : desk_scenario<stopped_by_a_task<Desk>, Desk, 2, 3, 2> {
  void act(unsigned) { this->serve(); }
  bool fails(const work& what) {
    if (what.index == 0) this->stop();
    return what.index == 1;
  }
};

/// Thread 1 keeps the time, and thread 2 stops the batch, while a task is tried again.
template <DESK>
struct stopped_as_time_passes : desk_scenario<stopped_as_time_passes<Desk>, Desk, 3, 1> {
  void act(unsigned me) { me == 1 ? this->keep_time() : this->stop(); }
  bool fails(const work& what) { return what.attempt == 1; }
};

/// A gate opens while a time passes at which a task is tried again.
template <DESK>
struct told_as_time_passes : desk_scenario<told_as_time_passes<Desk>, Desk, 3, 2> {
  void open_gates() {
    gate_ = &this->open_gate([this](std::size_t index, auto) {
      return admission_reply{index == 0 || is_open_ ? answer::yes : answer::wait};
    });
  }
  void act(unsigned me) {
    if (me == 1) return this->keep_time();
    gate_->change([this] { is_open_ = true; });
  }
  bool fails(const work& what) { return what.index == 0 && what.attempt == 1; }
  desk_gate<typename told_as_time_passes::desk_scenario>* gate_ = nullptr;
  bool is_open_ = false;
};

/// The batch waits for a place of its executor whenever it is told, and may have got it at any moment since. Thread 1
/// keeps the time at which the last of the gates wants to be asked again, and thread 2 opens it. If it passes another one
/// before, it gives that back from time to time, so the last one opens by itself in the end.
template <DESK, bool passes_one>
struct stepping_aside : desk_scenario<stepping_aside<Desk, passes_one>, Desk, 3, 1> {
  void open_gates() {
    if (passes_one) this->open_gate([](auto, auto) { return admission_reply{answer::yes}; });
    gate_ = &this->open_gate([this](auto, auto) {
      const bool is_early = desk_primitives::now() < this->at(1);
      if (is_open_ || (passes_one && !is_early)) return admission_reply{answer::yes};
      return is_early ? admission_reply{answer::wait, this->at(1)} : admission_reply{answer::wait};
    });
  }
  void act(unsigned me) {
    if (me == 1) return this->keep_time();
    gate_->change([this] { is_open_ = true; });
  }
  static bool needs_slot() { return true; }
  desk_gate<typename stepping_aside::desk_scenario>* gate_ = nullptr;
  bool is_open_ = false;
};

/// A gate opens, a time passes at which a task is tried again, and the batch is stopped, in any order. The gate comes
/// after one that admits all, and says when to ask again at the latest.
template <DESK>
struct all_at_once : desk_scenario<all_at_once<Desk>, Desk, 4, 2> {
  void open_gates() {
    this->open_gate([](auto, auto) { return admission_reply{answer::yes}; });
    gate_ = &this->open_gate([this](std::size_t index, auto) {
      if (index == 1 || is_open_) return admission_reply{answer::yes};
      const auto opens = this->at(2);
      return desk_primitives::now() < opens ? admission_reply{answer::wait, opens} : admission_reply{answer::yes};
    });
  }
  void act(unsigned me) {
    if (me == 1) return this->keep_time();
    if (me == 2) return this->stop();
    gate_->change([this] { is_open_ = true; });
  }
  bool fails(const work& what) { return what.attempt == 1; }
  desk_gate<typename all_at_once::desk_scenario>* gate_ = nullptr;
  bool is_open_ = false;
};

#undef DESK

}  // namespace model
