#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "admission/gate.hpp"

/// The agenda desk: how the runners of an unequal batch share its agenda and its gates, who is woken when a task may
/// start, and how the batch ends.
///
/// A runner works with a **ticket**. It takes tasks with it until there is none that may start, and then gives the
/// ticket back: the ticket is **free** again. A ticket that is not free is **out**. All of it is guarded by one
/// mutex. The gates are not asked under it, because that calls functions of the user. One thread at a time asks them;
/// the others leave it to that one.
///
/// No task is forgotten. Whatever may let a task start (its addition, the end of its pause, the word of a gate, the
/// end of another task) sends a ticket out, or finds that all are out, or that a thread asks. A ticket that is out
/// looks for tasks before it is given back, under the same mutex. A thread that asks looks at the time again when it
/// has the answer. It learns by a flag, which it clears before it asks, that something has changed meanwhile, and
/// then asks once more.
///
/// A task that has passed some gates holds what it has got, until its batch has to **step aside**: when it may go on,
/// and waits for a place of its executor. Whoever has the place may wait for what the task holds. It also gives back
/// what it has held for long, for a while, because a task that holds the rest may need it.
///
/// After the stop nothing is taken. The thread that stops the batch gives up what is left, or leaves this to the
/// thread that asks, which owns the gates and the next task.
namespace fanout::detail {

/// `Ticket` has the member `next_free`. `Batch` has the following functions, which must not throw:
///
///   - under the mutex: `most_tickets()`, how many may be out, at least 1; `note_at_work(tickets)`, so many are out
///     now; `ring_at(time)`, has `ring` called at that time, and not at the one that it was given before;
///     `time_of_next(work)`, when a task that has failed may be tried again; `is_slot_wanted()`, whether the runner
///     should leave its slot to others, and come back with its ticket;
///   - without it: `add(ticket)`, has a runner `use` it, unless it is null; `run_attempt(work, runner)`, returns why
///     the attempt has failed, or null, and calls `begin` and `end` of the gates; `wants_again(work, cause)`, whether
///     to try again; `end(work, failure)`, the task has ended; `keep_failure(work)`, a task that has failed before is
///     not tried again; `break_off(cause)`, a gate has thrown: it calls `stop`.
template <class Primitives, class Agenda, class Batch, class Ticket>
class basic_agenda_desk {
 public:
  using work = typename Agenda::work;
  using time_point = typename Agenda::time_point;
  using gates = std::vector<std::unique_ptr<gate>>;

  /// `gates`: in the order in which they are asked. They do not change once the batch runs.
  basic_agenda_desk(Batch& batch, std::size_t size, Agenda&& all, const gates& asked, std::span<Ticket> tickets)
      : batch_(batch), gates_(asked), agenda_(std::move(all)), left_(size) {
    for (Ticket& each : tickets) each.next_free = std::exchange(free_ticket_, &each);
  }

  basic_agenda_desk(const basic_agenda_desk&) = delete;
  basic_agenda_desk& operator=(const basic_agenda_desk&) = delete;
  ~basic_agenda_desk() = default;

  // ── The caller ──

  /// Sends the first ticket out.
  void open() noexcept {
    lock held(mutex_);
    Ticket* const first = ticket_for_more();
    held.unlock();
    send(first);
  }

  /// Sleeps until the batch is over, or a ticket was sent, which it may use. Returns whether it is over.
  bool sleep() {
    lock held(mutex_);
    caller_sleeps_ = true;
    changed_.wait(held, [this] { return is_over() || has_sent_; });
    caller_sleeps_ = false;
    has_sent_ = false;
    return is_over();
  }

  // ── Those who wake it ──

  enum class awake {
    asks,      // a thread asks the gates, and will do it once more
    by_ticket  // a ticket is out
  };

  /// A gate may admit what it did not. Called under the mutex of the gate.
  awake ask_again() noexcept {
    lock held(mutex_);
    has_to_ask_again_ = true;
    if (asks_) return awake::asks;
    Ticket* const one = take_ticket();
    held.unlock();
    send(one);
    return awake::by_ticket;
  }

  /// The time that `ring_at` has named has come.
  void ring() noexcept {
    lock held(mutex_);
    rings_at_ = time_point::max();
    has_to_ask_again_ = true;
    if (!asks_ && !steps_aside_ && passed_ != 0 && Primitives::now() >= gives_back_at_)
      return give_back_for_a_while(held);
    Ticket* const one = asks_ || left_ == 0 ? nullptr : take_ticket();
    held.unlock();
    send(one);
  }

  /// The batch waits for a place of its executor. So the next task gives back what it has got from some of the gates,
  /// and `leaves_line` of the next one. Returns false if a thread asks: that one has a place. May be called under the
  /// mutex of the gate that the batch waits at, but for `leaves_line`.
  ///
  /// Whoever calls it may be late: a runner has got the place meanwhile, has asked, and waits at a gate. Then no ticket
  /// is out, and the batch stays there, because nobody would ask again.
  bool step_aside(bool leaves_line) noexcept {
    lock held(mutex_);
    if (asks_) return false;
    if (out_ == 0 || steps_aside_ || no_more_ || gates_.empty() || (passed_ == 0 && !leaves_line)) return true;
    step_aside_now(held, leaves_line);
    return true;
  }

  // ── Runners ──

  /// Runs tasks until none may start. If others wait for the slot, the runner is given the chance to leave it to them
  /// after each task.
  template <class Runner>
  void use(Ticket& mine, Runner& runner) noexcept {
    lock held(mutex_);
    for (;;) {
      const std::optional<work> next = out_ <= batch_.most_tickets() ? take(held) : std::nullopt;
      if (!next) return give_back(mine);
      Ticket* const more = ticket_for_more();
      held.unlock();
      send(more);
      const std::exception_ptr failure = batch_.run_attempt(*next, runner);
      bool ends = failure == nullptr || !batch_.wants_again(*next, failure);
      if (ends) batch_.end(*next, failure);
      held.lock();
      --in_flight_;
      has_to_ask_again_ = true;  // also if another one asks, and this runner leaves because it is one too many
      if (!ends && !try_again(*next, failure)) {
        held.unlock();
        batch_.end(*next, failure);
        held.lock();
        ends = true;
      }
      if (ends) --left_;
      if (!batch_.is_slot_wanted()) continue;
      held.unlock();
      return batch_.add(&mine);
    }
  }

  // ── The end ──

  /// Nothing is taken after this. If it returns true, the caller must call `give_up`; the batch is not over before.
  [[nodiscard]] bool stop() noexcept {
    lock held(mutex_);
    wait_until_aside(held);
    const bool gives_up = !no_more_ && !asks_;  // otherwise the one who asks does it
    no_more_ = true;
    if (gives_up) asks_ = true;
    return gives_up;
  }

  /// For the thread that `asks_`, when nothing starts any more: nobody waits at the gates, and tasks that were to be
  /// tried again have failed as they did before. Nobody else uses the agenda any more.
  void give_up() noexcept {
    leave_passed_gates();
    for (const auto& each : gates_) each->leave();
    const auto keep = [this](const work& each) { batch_.keep_failure(each); };
    if (head_ && head_->attempt != 1) keep(*head_);
    head_.reset();
    agenda_.drop_all(keep);
    const lock held(mutex_);
    asks_ = false;
    if (is_over()) tell_caller();
  }

 private:
  using lock = std::unique_lock<typename Primitives::mutex>;

  /// How long a task holds what it has got while it waits for more, and how long it then leaves that to others.
  static constexpr std::chrono::milliseconds longest_hold{100};
  static constexpr std::chrono::milliseconds asks_anew_after{10};

  /// Called with the mutex held, and returns with it, but not meanwhile.
  void step_aside_now(lock& held, bool leaves_line) noexcept {
    steps_aside_ = true;  // not `asks_`: who asks must give up after a stop, which would need the mutex of the gate
    held.unlock();
    if (leaves_line) gates_[passed_]->step_aside();
    leave_passed_gates();
    held.lock();
    if (head_) agenda_.put_back(*std::exchange(head_, std::nullopt));
    steps_aside_ = false;
    aside_.notify_all();
    gives_back_at_ = time_point::max();
    if (is_over()) tell_caller();
  }

  /// The next task has held what it has got for long, while it waits for more: what it waits for may be held by a
  /// task that needs this.
  void give_back_for_a_while(lock& held) noexcept {
    step_aside_now(held, /*leaves_line=*/true);
    look_at(Primitives::now() + asks_anew_after);
  }

  /// Has a runner use the ticket, if there is one, and then tells the caller, which may be the only one that can. (If
  /// it was told before, it would find nothing to do, and not sleep either.) The batch is not over before this ends:
  /// the caller of this function has a ticket, or is waited for.
  void send(Ticket* one) noexcept {
    if (one == nullptr) return;
    batch_.add(one);
    const lock held(mutex_);
    has_sent_ = true;
    tell_caller();
  }

  // Under the mutex:

  bool is_over() const { return out_ == 0 && !asks_ && !steps_aside_ && (no_more_ || left_ == 0); }

  /// It is short: the thread that steps aside waits for mutexes only, of gates before the one that the batch waits
  /// at.
  void wait_until_aside(lock& held) noexcept {
    aside_.wait(held, [this] { return !steps_aside_; });
  }

  void tell_caller() noexcept {
    if (caller_sleeps_) changed_.notify_one();
  }

  Ticket* take_ticket() noexcept {
    if (no_more_ || free_ticket_ == nullptr || out_ >= batch_.most_tickets()) return nullptr;
    batch_.note_at_work(++out_);
    return std::exchange(free_ticket_, free_ticket_->next_free);
  }

  Ticket* ticket_for_more() noexcept { return !asks_ && (head_ || agenda_.has_ready()) ? take_ticket() : nullptr; }

  void give_back(Ticket& mine) noexcept {
    mine.next_free = std::exchange(free_ticket_, &mine);
    batch_.note_at_work(--out_);  // a caller that sleeps was or will be told of the ticket, and looks again
  }

  /// Has someone look at that time, unless someone does before.
  void look_at(time_point when) noexcept {
    if (when >= rings_at_) return;
    rings_at_ = when;
    batch_.ring_at(when);
  }

  /// Tasks whose pause is over are ready.
  void wake_tasks() noexcept {
    if (agenda_.next_time() == time_point::max()) return;
    agenda_.wake(Primitives::now());
    look_at(agenda_.next_time());
  }

  std::optional<work> take(lock& held) noexcept {
    if (no_more_) return std::nullopt;
    wake_tasks();
    if (!gates_.empty()) return take_admitted(held);
    if (!agenda_.has_ready()) return std::nullopt;
    ++in_flight_;
    return agenda_.take();
  }

  /// False if no other attempt may be made, or there is no memory to remember the task. The runner goes on to `take`,
  /// which sees to the time.
  bool try_again(const work& ended, const std::exception_ptr& cause) noexcept {
    if (no_more_) return false;
    try {
      agenda_.try_again(ended, cause, batch_.time_of_next(ended));
    } catch (...) {
      return false;
    }
    return true;
  }

  // A task that waits at the first gate holds nothing, so another one that comes before it may still overtake it.
  std::optional<work> take_admitted(lock& held) noexcept {
    wait_until_aside(held);
    has_to_ask_again_ = true;
    while (!no_more_ && !asks_ && has_to_ask_again_ && (head_ || agenda_.has_ready())) {
      if (!head_) head_ = agenda_.take();
      const std::size_t running = in_flight_;
      asks_ = true;
      has_to_ask_again_ = false;
      held.unlock();
      const admission_reply reply = ask(running);
      if (reply.what == admission_reply::kind::never) {
        work refused = *head_;
        if (refused.attempt != 1) --refused.attempt;  // this one was not made
        batch_.end(refused, reply.why);
        head_.reset();  // before this thread may have to give up what is left
      }
      held.lock();
      if (no_more_) {
        held.unlock();
        give_up();
        held.lock();
        break;
      }
      asks_ = false;
      wake_tasks();  // the alarm may have rung meanwhile
      if (reply.what == admission_reply::kind::yes) {
        passed_ = 0;
        gives_back_at_ = time_point::max();
        ++in_flight_;
        return std::exchange(head_, std::nullopt);
      } else if (reply.what == admission_reply::kind::never) {
        --left_;
        has_to_ask_again_ = true;
      } else {
        if (passed_ == 0) agenda_.put_back(*std::exchange(head_, std::nullopt));
        if (passed_ != 0 && gives_back_at_ == time_point::max()) gives_back_at_ = Primitives::now() + longest_hold;
        look_at(gives_back_at_);
        look_at(reply.until);
      }
    }
    return std::nullopt;
  }

  // Without the mutex, on the thread that `asks_`:

  /// Asks the gates for the next task. If one says never, the task has ended.
  admission_reply ask(std::size_t running) noexcept {
    try {
      admission_reply reply;
      while (reply.what == admission_reply::kind::yes && passed_ != gates_.size()) {
        reply = gates_[passed_]->ask(head_->index, running);
        if (reply.what == admission_reply::kind::yes) ++passed_;
      }
      if (reply.what == admission_reply::kind::never) leave_passed_gates();
      return reply;
    } catch (...) {
      batch_.break_off(std::current_exception());
      return {admission_reply::kind::wait};
    }
  }

  void leave_passed_gates() noexcept {
    for (; passed_ != 0; --passed_) gates_[passed_ - 1]->end(head_->index);
  }

  Batch& batch_;
  const gates& gates_;

  typename Primitives::mutex mutex_;  // guards what follows, apart from the parts of the one who asks
  Agenda agenda_;
  Ticket* free_ticket_ = nullptr;
  std::size_t out_ = 0;        // tickets that are not free
  std::size_t in_flight_ = 0;  // attempts that have been admitted and have not ended
  std::size_t left_;           // tasks that have not ended
  bool no_more_ = false;       // the batch was stopped: nothing starts
  bool asks_ = false;          // a thread asks the gates, or gives up what was left, and owns the next two
  bool steps_aside_ = false;   // a thread gives back what `head_` has got, and owns the next two
  std::size_t passed_ = 0;     // gates that have admitted `head_`
  std::optional<work> head_{};     // the next task, if some gates have admitted it
  bool has_to_ask_again_ = false;  // something has changed since it began to ask
  time_point rings_at_ = time_point::max();
  time_point gives_back_at_ = time_point::max();  // if `head_` waits with what it has got
  bool caller_sleeps_ = false;
  bool has_sent_ = false;  // a ticket, since the caller has slept
  typename Primitives::condition_variable changed_{};  // the caller may have something to do
  typename Primitives::condition_variable aside_{};    // `steps_aside_` is over
};

}  // namespace fanout::detail
