#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>

#include "executor/batch_scope.hpp"
#include "base/intrusive_list.hpp"
#include "fanout/detail/tsan.hpp"

namespace fanout::detail {

/// The limit of an executor: a number of slots, which may change. A thread that works for the executor holds a slot
/// from before it starts its first task until it starts no more, including while it waits for a batch that one of its
/// tasks has started. Slots are granted in the order of the requests, to
///
///   - *callers*: threads that want to run a batch. They wait until they get a slot, or a stop is requested;
///   - *reserves*: a batch requests slots for its helpers, and calls a reserve for each slot that it gets;
///   - *workers* of oneTBB that have come to help. They wait while their batch has tasks to start.
///
/// **A call inside a task of the same executor** needs no slot of its own. The entry around it *lends* its slot to
/// the call's leader, which works under it. An entry lends to one batch at a time: if another thread inside the same
/// task starts a second batch, that one waits until the first is over.
///
/// **Slots cause no deadlock.** Threads that hold slots of one executor and wait for slots of another could wait for
/// each other. So a thread inside a task adds its wait to one list of the process before the wait begins: the wait
/// that completes such a deadlock sees all the others. If no slot that it waits for can become free, because each is
/// held by an entry that encloses one of these waits, the thread does not wait: it *borrows* the slot of a thread
/// that waits, and works under that. (If that thread cannot borrow, because it is taking back its own slot, another
/// one of them borrows.)
///
/// **The limit may be lowered** below the number of slots in use. Then threads make way between their tasks, until no
/// more slots are in use than are allowed: helpers give back their slots and request others, behind all who wait. A
/// leader with a slot of its own waits for another one before all others, so that it is a caller that does not have
/// to begin anew; meanwhile helpers go on with its batch. The slots of an entry around a nested batch are not given
/// back, because its task has not ended.
class executor_limiter {
 public:
  class helped;

  explicit executor_limiter(std::size_t limit) : can_be_lowered_(limit != 1), allowed_(limit) {}

  // ── The limit ──

  /// How many slots may be in use.
  std::size_t allowed() const { return allowed_.load(std::memory_order_relaxed); }

  /// Changes that. Requires that it is at least 1.
  void allow(std::size_t slots);

  /// For a thread that holds a slot of its own, between tasks: whether more are in use than are allowed. If so, the
  /// thread must give its slot back soon, by `make_way`. Costs a load if the limit has not been lowered.
  bool is_one_too_many() { return may_be_too_many() && must_make_way(nullptr); }

  /// The same for a runner of a batch that has perhaps paused, see `chunk`: false once the batch is closed, because
  /// nobody else would run what the runner has left.
  bool is_one_too_many(const helped& runs) { return may_be_too_many() && must_make_way(&runs); }

  /// Gives back such a slot. `wants_back`: the batch that requests another one for it, if not null.
  void make_way(helped* wants_back);

  /// A hint, which costs a load: false if no more slots are in use than are allowed.
  bool may_be_too_many() const { return too_many_.load(std::memory_order_relaxed); }

  // ── Callers ──

  enum class admission {
    slot,      // the batch has a slot of its own
    nested,    // the batch works under the slot of `lender`
    borrowed,  // the same, but without helpers: the lender is an entry of a thread that waits
    stopped,   // a stop was requested meanwhile
  };

  struct enter_result {
    admission how;
    const scope_entry* lender = nullptr;
  };

  /// Waits for a slot, or a loan. `from` is the calling thread's entry, null outside of all batches. The caller must
  /// give a slot back by `leave` or `close`, and a loan by `give_back`. `awaited_as`: see batch_scope. `stops`: the
  /// functions of the program, if it may request this stop. `runs`: the batch to be noted as running, until `close`.
  enter_result enter(const scope_entry* from, const std::stop_token& stop, const void* awaited_as = nullptr,
                     const stop_functions* stops = nullptr, helped* runs = nullptr);

  /// For a batch that has got its slot in another way.
  void note_running(helped& batch);

  /// Calls `wait`, which waits until other threads have ended the batch that is awaited as `awaited`. `from` is the
  /// calling thread's entry, null outside of all batches. Slots of entries around it may be borrowed meanwhile: use a
  /// `position`.
  template <class Wait>
  static void wait_for(const scope_entry* from, const void* awaited, const Wait& wait) {
    if (from == nullptr) return wait();  // a thread outside of all batches holds no slot
    waiter self;
    begin_wait_for(self, *from, awaited);
    wait();
    end_wait_for(self);
  }

  /// What waits for places at its runners, and has a bound on that: a scope with `max_pending`.
  class bounded {
   protected:
    bounded() = default;
    virtual ~bounded() = default;

   private:
    friend class wait_list;
    virtual const batch_scope& scope() const noexcept = 0;
    virtual std::size_t most_runners() const noexcept = 0;
    /// How many runners it has. Called under the mutex of the list of waits.
    virtual std::size_t runners() noexcept = 0;
    /// Wakes the threads that wait for room, because one of them may exceed the bound. Called under the mutex of the
    /// list of waits.
    virtual void let_exceed() noexcept = 0;
  };

  /// Calls `wait(exceeds)`, which waits until there is room in `wanted` or `*exceeds` is true. Returns the latter: it
  /// means that no runner of `wanted` could ever make room, because all wait for each other and for this thread.
  template <class Wait>
  static bool wait_for_room(const scope_entry* from, bounded& wanted, const Wait& wait) {
    if (from == nullptr) return wait(nullptr), false;  // no task waits for a thread outside of all batches
    waiter self;
    begin_wait_for_room(self, *from, wanted);
    wait(&self.exceeds);
    end_wait_for(self);
    return self.exceeds.load(std::memory_order_relaxed);
  }

  /// For a leader that holds a slot of its own, between tasks: if more are in use than are allowed, gives the slot
  /// back and waits for another one, before all others. `slot`: the leader has one, or has kept it. `borrowed`: it
  /// has a loan. `stopped`: it has none, because the batch has been closed, or a stop was requested. The other
  /// arguments are those of `enter`.
  enter_result step_aside(helped& batch, const scope_entry* from, const std::stop_token& stop, const void* awaited_as,
                          const stop_functions* stops);

  void leave();
  void give_back(const scope_entry& lender);

  /// Call it at the end of a batch that was started in this entry: waits while another thread borrows the entry's
  /// slot.
  void resume(const scope_entry& entry);

  // ── Helpers ──

  /// An element of the queues: a thread that waits, or a batch's request for helpers.
  struct queued : list_entry<queued> {
    enum class kind { thread, helpers };
    enum kind kind = kind::thread;
    helped* batch = nullptr;  // whose helper or worker it is, or whose leader steps aside; null for a caller
  };

  /// A batch that wants help.
  class helped {
   public:
    /// Calls `count` helpers, which hold slots from now on; each gives its slot back when it has worked. Called under
    /// the mutex of the limiter.
    virtual void call_helpers(std::size_t count) noexcept = 0;
    /// Takes back the calls that no helper has answered, and returns their number. Called under the mutex.
    virtual std::size_t withdraw_helpers() noexcept = 0;
    /// False if no task is left to start; then it stays false, unless a runner pauses before the last task that it
    /// has taken. One that does so before the batch is closed under the mutex makes it true for who closes.
    virtual bool wants_help() const noexcept = 0;
    /// Asks its runners to pause after the tasks in which they are, and to look whether they must make way. Called
    /// under the mutex, of batches that are noted as running.
    virtual void ask_to_pause() noexcept {}

   protected:
    helped() = default;
    virtual ~helped() = default;

   private:
    friend class executor_limiter;
    struct noted : list_entry<noted> {
      explicit noted(helped& noted_batch) : batch(noted_batch) {}
      helped& batch;
    };

    bool closed_ = false;
    bool is_running_ = false;  // then `noted_` is in the list
    noted noted_{*this};
    std::size_t wanted_ = 0;   // helpers; if not 0, `request_` is in the queue
    std::size_t joining_ = 0;  // its threads in the queues: workers, and its leader while it steps aside
    queued request_{{}, queued::kind::helpers, this};
  };

  /// Requests slots for `count` more helpers.
  void request(helped& batch, std::size_t count);

  /// Takes back the requests and the calls that no helper has answered. Returns their number.
  std::size_t withdraw(helped& batch);

  /// Whether a request of this batch waits for slots.
  bool is_queued(const helped& batch) const;

  /// Whether others than this batch wait for a slot. The first is a hint, which costs a load: false if nobody waits.
  bool may_be_wanted() const { return queued_.load(std::memory_order_relaxed) != 0; }
  bool is_wanted_by_others(const helped& batch) const;

  /// For a worker that comes to help: waits for a slot. False if the batch has been closed.
  bool join(helped& batch);

  /// Call it when no task of the batch is left to start: withdraws the batch's requests and unanswered calls, sends
  /// away its waiting workers, and gives back `slots` slots that the calling thread holds.
  void close(helped& batch, std::size_t slots);

  /// The same for a runner that has found no task to start. False, and does nothing, if there is one all the same: a
  /// runner that had taken its last task has paused before it, and perhaps made way.
  bool try_close(helped& batch, std::size_t slots);

  /// Whether all slots are free and nobody waits for one.
  bool is_idle() const;

  /// The number of waits and requests in the queues. For tests.
  std::size_t waiting() const;

 private:
  friend class wait_list;

  /// A thread that waits. The object is on the stack of that thread.
  struct waiter : queued, list_entry<waiter> {
    enum class state { waiting, admitted, sent_away };
    enum class aim {
      slot_or_loan,  // a slot of its own or, if there is a lender, the lender's
      loan,          // the slot of a thread that waits, borrowed to prevent a deadlock
      own_loan,      // the slot of the thread's own entry, to be taken back from the thread that works under it
      end_of_batch,  // no slot, but that a batch ends which other threads run
      room,          // no slot, but room in a scope
    };

    const scope_entry* from = nullptr;  // the innermost entry of the thread
    const void* awaited_as = nullptr;   // of the batch that it waits for a slot to run; null if no one awaits it
    const void* awaited = nullptr;      // the batch whose end it waits for
    bounded* wants_room_in = nullptr;   // the scope in which it waits for room
    executor_limiter* wanted = nullptr;
    const scope_entry* lender = nullptr;  // whose slot the thread waits to work under; null if it waits for a slot
    aim what = aim::slot_or_loan;
    std::atomic<state> now{state::waiting};  // written under the mutex
    intrusive_list<queued>* line = nullptr;  // the queue that it is in, if any
    bool is_stuck = false;                   // used by wait_list
    std::atomic<bool> exceeds{false};        // for room: written under the mutex of the list, read by the thread
    std::condition_variable answered{};
  };

  static void begin_wait_for(waiter& self, const scope_entry& from, const void* awaited);
  static void begin_wait_for_room(waiter& self, const scope_entry& from, bounded& wanted);
  static void end_wait_for(waiter& self);
  bool try_admit(const scope_entry* lender);
  bool must_make_way(const helped* runs);
  void close_now(helped& batch, std::size_t slots);
  bool are_too_many() const { return used_ - leaving_ > allowed(); }
  bool has_to_wait(waiter& self);
  void wait(waiter& self);
  bool wait_inside(waiter& self, std::unique_lock<std::mutex>& all_waits);
  bool wait_as_caller(waiter& self, std::unique_lock<std::mutex>& all_waits);
  void lend_instead(waiter& waiting, const scope_entry& lender);
  void take_back(const scope_entry& entry, const void* awaited_as, std::unique_lock<std::mutex>& all_waits);
  void send_away(waiter& self);
  void send_all_away(const helped& batch, const intrusive_list<queued>& line);
  void note(helped& batch);
  void want(helped& batch, std::size_t count);
  void enlist(waiter& self, bool first = false);
  void unlist(waiter& each);
  static void answer(waiter& other, enum waiter::state answer);
  void serve_queue();
  void end_loan(const scope_entry& lender);
  /// Grants free slots to the queue. Called whenever a slot becomes free or is requested.
  void serve() {
    if (!slots_.empty()) serve_queue();
    tell_size();
  }
  void tell_size() { queued_.store(slots_.size(), std::memory_order_relaxed); }

  const bool can_be_lowered_;
  mutable std::mutex mutex_;
  // How many slots may be in use. Written under the mutex and that of the list of waits, so who holds one of them
  // reads what is true; an adaptive batch reads it as a hint.
  std::atomic<std::size_t> allowed_;
  std::size_t used_ = 0;     // slots in use: as many as are allowed, or more, while a thread waits for one
  std::size_t leaving_ = 0;  // of these, those whose threads have been told to make way
  // More may be in use than are allowed, without those that are leaving. Written under the mutex. A hint: a thread
  // that sees it looks again under the mutex, and takes it back if it is not true any more.
  std::atomic<bool> too_many_{false};
  std::atomic<std::size_t> queued_{0};  // the size of `slots_`; written under the mutex
  // In the order of arrival:
  intrusive_list<queued> slots_;    // waits and requests for slots
  intrusive_list<queued> lenders_;  // waits for a loan
  intrusive_list<helped::noted> running_;  // batches whose runners may hold several tasks at a time
};

}  // namespace fanout::detail
