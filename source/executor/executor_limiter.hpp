#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>

#include "executor/batch_scope.hpp"
#include "base/intrusive_list.hpp"

namespace fanout::detail {

/// The limit of an executor: a number of slots. A thread that works for the executor has one, from before it starts its
/// first task until it starts no more, and keeps it while it waits for a batch that one of its tasks has started. Slots
/// are given in the order of arrival, to
///
///   - *callers*, threads that have a batch and wait as long as it takes;
///   - *helpers*: a batch asks for slots for its helpers, and each is called when it has one;
///   - *workers* of oneTBB that have come to help. They wait as long as their batch has tasks to start.
///
/// **A call inside a task of the same executor** needs no slot. It works under the slot of the entry around it, one thread
/// at a time: that entry *lends* it, to one batch. A second one, started by another thread inside the same task, waits
/// until the first is over.
///
/// **Nothing deadlocks by slots.** Threads that hold slots of one executor and wait for another one's may wait for each
/// other. A wait of a thread inside a task is entered in one list of the process before it begins, so the last of the
/// waits that would wait for each other sees all of them. If no slot that it waits for can come free, because each is
/// held around one of these waits, it does not wait for a slot: it works under that of a thread that waits. (Where the
/// last one cannot, because it takes back its own slot, another one of them does.)
class executor_limiter {
 public:
  explicit executor_limiter(std::size_t limit) : limit_(limit) {}

  // ── Callers ──

  enum class admission {
    slot,      // it has a slot of its own
    nested,    // it works under the slot of `lender`
    borrowed,  // the same, and only on its own thread: the lender is an entry of a thread that waits
    stopped,   // the stop was requested meanwhile
  };

  struct pass {
    admission how;
    const scope_entry* lender = nullptr;
  };

  /// Waits for a slot. `from`: where the calling thread stands, null outside of all batches. A slot is given back by
  /// `leave`, one that was lent by `give_back`.
  pass enter(const scope_entry* from, const std::stop_token& stop);

  void leave();
  void give_back(const scope_entry& lender);

  /// At the end of a batch that was started in this entry: waits as long as another thread has borrowed its slot.
  void resume(const scope_entry& entry);

  // ── Helpers ──

  class helped;

  /// What waits in line.
  struct queued : list_entry<queued> {
    enum class kind { thread, helpers };
    enum kind kind = kind::thread;
    helped* batch = nullptr;  // null for a caller
  };

  /// A batch that wants help.
  class helped {
   public:
    /// Under the mutex of the limiter: so many helpers have a slot from now on. Each gives it back when it has worked.
    virtual void call_helpers(std::size_t count) noexcept = 0;
    /// Under the mutex: takes back calls that no helper has answered, and returns how many.
    virtual std::size_t withdraw_helpers() noexcept = 0;
    /// False once no task is left to start, for good.
    virtual bool wants_help() const noexcept = 0;

   protected:
    helped() = default;
    virtual ~helped() = default;

   private:
    friend class executor_limiter;
    bool closed_ = false;
    std::size_t wanted_ = 0;
    queued request_{{}, queued::kind::helpers, this};
  };

  /// Asks for slots for `count` helpers more.
  void request(helped& batch, std::size_t count);

  /// For a worker: waits for a slot to help a batch; false once the batch is closed.
  bool join(helped& batch);

  /// No task of the batch is left to start: withdraws its requests and the calls that were not answered, sends its waiting
  /// workers away, and gives back `slots` of the caller's or the helper's own.
  void close(helped& batch, std::size_t slots);

  /// Whether all slots are free and nobody waits for one.
  bool is_idle() const;

  /// For tests: how many wait just now.
  std::size_t waiting() const;

 private:
  friend class wait_list;

  /// A thread that waits. It lies on its stack.
  struct waiter : queued, list_entry<waiter> {
    enum class state { waiting, admitted, sent_away };
    enum class aim {
      slot_or_loan,  // a slot of its own or, where there is a lender, that one's
      loan,          // that of a lender which waits, because it would have waited for itself: borrowed
      own_loan,      // that of the entry where it stands, which another thread works under: taken back
    };

    const scope_entry* from = nullptr;  // where the thread stands
    executor_limiter* wanted = nullptr;
    const scope_entry* lender = nullptr;  // under whose slot it is to work; null if it waits for a slot
    aim what = aim::slot_or_loan;
    std::atomic<state> now{state::waiting};  // written under the mutex
    intrusive_list<queued>* line = nullptr;  // in which it is
    bool is_stuck = false;  // see wait_list
    std::condition_variable answered{};
  };

  bool try_admit(const scope_entry* lender);
  bool has_to_wait(waiter& self);
  void wait(waiter& self);
  void wait_inside(waiter& self, std::unique_lock<std::mutex>& all_waits);
  void lend_instead(waiter& waiting, const scope_entry& lender);
  void take_back(const scope_entry& entry, std::unique_lock<std::mutex>& all_waits);
  void send_away(waiter& self);
  void enlist(waiter& self);
  static void unlist(waiter& each);
  static void answer(waiter& other, enum waiter::state answer);
  void serve();
  void end_loan(const scope_entry& lender);

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::size_t used_ = 0;  // slots; all of them while somebody waits for one
  // In the order of arrival:
  intrusive_list<queued> slots_;    // waits for a slot
  intrusive_list<queued> lenders_;  // waits to work under that of an entry
};

}  // namespace fanout::detail
