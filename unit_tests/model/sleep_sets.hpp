#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <istream>
#include <ostream>
#include <utility>
#include <vector>

#include "model/relacy.hpp"

/// Partial-order reduction by sleep sets (P. Godefroid, "Partial-Order Methods for the Verification of Concurrent
/// Systems", 1996, chapter 5). The search skips executions that differ from an earlier one only in the order of
/// independent steps. Relacy's own full search runs all of them, which takes days where this takes a second.
namespace model {

/// The next step of a thread. Two steps commute unless they access the same object and one of them changes it. A step
/// that accesses only the thread's own memory is local, and commutes with all.
struct step {
  enum class kind { local, read, write };
  kind what = kind::local;
  const void* object = nullptr;
  const bool* unless = nullptr;  // the step is blocked while this is true: a mutex is held

  friend bool commute(const step& one, const step& other) {
    if (one.what == kind::local || other.what == kind::local) return true;
    return one.object != other.object || (one.what == kind::read && other.what == kind::read);
  }
};

/// The next step of each thread. Each primitive announces its step before it lets the scheduler switch threads.
inline std::array<step, 8> next_steps;

inline void announce(step next) { next_steps[static_cast<std::size_t>(rl::thread_index())] = next; }

/// A scheduler that explores the choices in depth-first order and prunes by sleep sets.
///
/// A thread that yields has read some objects and found nothing to do. To read them again would give the same, so it
/// runs again only when one of them has been written, or when no other thread can run. This bounds loops that wait
/// for other threads. Such loops must do nothing but read; for example, they must not count their rounds.
template <rl::thread_id_t threads>
class sleep_set_scheduler : public rl::scheduler<sleep_set_scheduler<threads>, rl::scheduler_thread_info, threads> {
  using base = rl::scheduler<sleep_set_scheduler, rl::scheduler_thread_info, threads>;

 public:
  using shared_context_t = typename base::shared_context_t;
  struct task_t {};

  sleep_set_scheduler(rl::test_params& parameters, shared_context_t& context, rl::thread_id_t dynamic_threads)
      : base(parameters, context, dynamic_threads) {}

  rl::thread_id_t iteration_begin_impl() {
    depth_ = 0;
    redundant_ = false;
    asleep_ = {};
    sights_.fill({});
    next_steps.fill({});
    done_ = {};
    return 0;
  }

  /// Backtracks: the deepest choice that has an unexplored side takes its next side.
  bool iteration_end_impl() {
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().sides) choices_.pop_back();
    if (choices_.empty()) return true;
    ++choices_.back().taken;
    return false;
  }

  rl::thread_id_t schedule_impl(rl::unpark_reason& reason, unsigned yields) {
    end_step();
    if (yields != 0 && this->thread_->state_ == rl::thread_state_running) sights_[done_.thread].wait();

    const set able = able_steps();
    done_ = {};
    done_.asleep = asleep_;
    std::size_t chosen = choose_local(able);
    if (chosen == none) chosen = choose(able);
    done_.thread = thread_of(chosen);
    done_.what = next_steps[done_.thread];

    reason = rl::unpark_reason_normal;
    const auto thread = static_cast<rl::thread_id_t>(done_.thread);
    if (is_timeout(chosen)) {
      this->unpark_thread(thread);
      reason = rl::unpark_reason_timeout;
    }
    return thread;
  }

  /// A choice that is not about threads: which value a load returns, whether a weak compare-and-swap fails, and the
  /// like.
  unsigned rand_impl(unsigned sides, rl::sched_type what) {
    const unsigned side = sides == 1 || redundant_ ? 0 : take(sides).taken;
    if (what == rl::sched_type_atomic_load && side != 0) sights_[done_.thread].changed = true;  // saw an older value
    return side;
  }

  rl::iteration_t iteration_count_impl() { return this->iter_ + 1; }

  void get_state_impl(std::ostream& out) {
    out << choices_.size();
    for (const choice& each : choices_) out << ' ' << each.sides << ' ' << each.taken;
    out << ' ';
  }
  void set_state_impl(std::istream& in) {
    std::size_t depth = 0;
    in >> depth;
    choices_.resize(depth);
    for (choice& each : choices_) in >> each.sides >> each.taken;
  }

  void on_thread_block(rl::thread_id_t /*thread*/, bool /*yield*/) {}
  void thread_finished_impl() {}
  void purge_blocked_threads() {}

 private:
  // A step has a number: that of its thread, or that plus `size` for the timeout of the thread's wait.
  static constexpr std::size_t size{threads};
  static constexpr std::size_t none = 2 * size;
  using set = std::bitset<none>;
  static std::size_t thread_of(std::size_t number) { return number % size; }
  static bool is_timeout(std::size_t number) { return number >= size; }

  struct choice {
    unsigned sides = 1;
    unsigned taken = 0;
  };

  /// The step that was chosen last.
  struct {
    std::size_t thread = none;
    step what = {};
    set asleep = {};  // the sleep set before the step
  } done_;

  /// The objects that a thread has read since it last yielded.
  struct sight {
    std::vector<const void*, rl::raw_allocator<const void*>> objects;
    bool changed = false;  // one of them was written since it was read, or the read returned an older value
    bool waits = false;    // the thread has yielded, and none of them has been written since

    void wait() {
      waits = !changed;
      if (!waits) objects.clear();
      changed = false;
    }
    void look_at(const void* object) {
      if (std::exchange(waits, false)) objects.clear();
      objects.push_back(object);
    }
    void see_written(const void* object) {
      if (std::find(objects.begin(), objects.end(), object) == objects.end()) return;
      changed = !waits;
      if (std::exchange(waits, false)) objects.clear();
    }
  };

  choice& take(unsigned sides) {
    if (depth_ == choices_.size()) choices_.push_back({sides, 0});
    return choices_[depth_++];
  }

  set able_steps() {
    set able;
    set held_up;
    for (std::size_t each = 0; each != size; ++each) {
      if (this->threads_[each].state_ != rl::thread_state_running) continue;
      const bool* const unless = next_steps[each].unless;
      const bool can = !sights_[each].waits && (unless == nullptr || !*unless);
      (can ? able : held_up)[each] = true;
    }
    for (rl::thread_id_t each = 0; each != this->timed_thread_count_; ++each)
      able[size + static_cast<std::size_t>(this->timed_threads_[each]->index_)] = true;
    return able.any() ? able : held_up;
  }

  /// A local step commutes with all others, so it runs at once, without a choice.
  std::size_t choose_local(const set& able) const {
    for (std::size_t each = 0; each != size; ++each)
      if (able[each] && next_steps[each].what == step::kind::local) return each;
    return none;
  }

  /// Chooses a step that is not asleep. The steps of the sides explored before go to sleep on this side. If all steps
  /// are asleep, this execution is equivalent to an earlier one, so it runs to its end without further choices.
  std::size_t choose(const set& able) {
    const set awake = able & ~asleep_;
    if (awake.none()) redundant_ = true;
    if (redundant_) return nth(able, 0);
    const auto sides = static_cast<unsigned>(awake.count());
    if (sides == 1) return nth(awake, 0);
    const choice& now = take(sides);
    for (unsigned side = 0; side != now.taken; ++side) done_.asleep[nth(awake, side)] = true;
    return nth(awake, now.taken);
  }

  static std::size_t nth(const set& steps, unsigned index) {
    std::size_t number = 0;
    for (;; ++number)
      if (steps[number] && index-- == 0) return number;
  }

  /// Wakes the sleeping steps that do not commute with the step that has just been done.
  void end_step() {
    if (done_.thread == none) return;
    asleep_ = done_.asleep;
    for (std::size_t each = 0; each != none; ++each)
      if (asleep_[each] && !commute(next_steps[thread_of(each)], done_.what)) asleep_[each] = false;
    if (done_.what.what == step::kind::read) sights_[done_.thread].look_at(done_.what.object);
    if (done_.what.what == step::kind::write)
      for (sight& each : sights_) each.see_written(done_.what.object);
  }

  std::vector<choice, rl::raw_allocator<choice>> choices_;
  std::size_t depth_ = 0;
  bool redundant_ = false;
  set asleep_;
  std::array<sight, size> sights_;
};

}  // namespace model
