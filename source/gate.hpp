#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>

#include "frame.hpp"

namespace fanout::detail {

/// The limit of an executor that several threads may call. It counts two things, and neither is ever more than the
/// limit:
///
///   *inside*   threads that have a place: between `enter` or `join` and `leave`;
///   *working*  threads that run tasks just now. A thread with a place that starts a batch elsewhere *steps out* and
///              does not work meanwhile; its place stays its own.
///
/// Two kinds of threads come for a place. A *caller* has a batch and waits as long as it takes. A *helper* is a worker
/// of oneTBB that would assist a batch; it waits only while that batch has work left, which the first thread that
/// finds none says by closing its session. So a batch never ends later because a helper waits for it. All wait in one queue, and
/// come in in the order of their arrival.
///
/// A caller also gets a *seat*, a slot of the arena for a calling thread, and keeps it until it has left the arena.
/// There are as many as places. That is enough: a caller that has left its place waits for helpers who have one each,
/// or is just about to vacate its seat. (What is handed to an arena that is full oneTBB may run on another thread.)
///
/// Nothing deadlocks here, because no thread waits for a *place* that it keeps from others, and whoever *works* does not
/// wait at all:
///
///   - A caller may stand in a task of this very executor, or of others. All places may then be held by those who wait
///     for it, around it, or in a cycle: so it does not wait for a place, but *borrows the turn* of a thread that has
///     stepped out. It works without being inside.
///   - Such a cycle is seen when it closes. Every wait of a nested caller for a place is entered in one list of the
///     process *before* it begins, under one mutex; so the last of the waits that would close a cycle sees all others.
///     (It may see one that is just ending, and borrow a turn though a place will come free: only among executors that
///     do call each other in a cycle.)
///   - Who borrows a turn and who steps in again waits for those only that work now. They run user code, end it or step
///     out, and wait for nobody here. They are served before new arrivals.
class gate {
 public:
  /// What helpers wait for: a batch's side of the gate. Guarded by the gate's mutex.
  struct session {
    bool closed = false;
  };

  gate(const executor_core& executor, std::size_t limit) : executor_(executor), limit_(limit) {}

  enum class entry { admitted, borrowed_turn, stopped };

  /// For a caller: waits for a place, or for a turn where a place might never come. `from` is where it stands, null
  /// outside of all batches. Who was admitted has to `leave`, and then to `vacate` its seat; who borrowed a turn has to
  /// return it.
  entry enter(const frame* from, const std::stop_token& stop);

  /// Waits for a place to assist a batch; false once its session is closed. Who got in must leave.
  bool join(const session& batch);

  // Who stops working may close the session of a batch on the way: it needs no helper any more, and those who wait for
  // it are sent away.
  void leave(session* closed = nullptr);
  void return_turn(session* closed = nullptr);
  void vacate();

  /// The thread will not work here for a while, but keeps its place.
  void step_out(session* closed = nullptr);
  void step_in();

  /// How many wait just now: for diagnostics and tests.
  std::size_t waiting() const;

 private:
  struct waiter {
    const session* batch = nullptr;  // null for a caller
    enum class state { waiting, admitted, sent_away } state = state::waiting;
    waiter* next = nullptr;
    std::condition_variable answered{};
  };

  /// Waiters in the order of their arrival. They lie on the stacks of the threads that wait.
  class queue {
   public:
    bool empty() const { return first_ == nullptr; }
    std::size_t size() const;
    void add(waiter& last);
    const waiter& first() const { return *first_; }
    waiter& take_first();
    template <class Predicate>
    void send_away(Predicate applies);

   private:
    waiter* first_ = nullptr;
    waiter** end_ = &first_;
  };

  bool try_enter();
  bool try_join();
  bool try_turn();
  bool has_turn() const { return working_ < limit_; }
  bool has_place() const { return inside_ < limit_ && has_turn(); }
  bool has_seat() const { return seated_ < limit_; }
  template <class Try>
  bool wait_unless_stopped(queue& line, Try try_now, const std::stop_token& stop);
  static void wait_in(queue& line, waiter& self, std::unique_lock<std::mutex>& lock);
  static void answer(waiter& other, enum waiter::state answer);
  void close(session* batch);
  void serve();

  const executor_core& executor_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::size_t inside_ = 0;
  std::size_t seated_ = 0;
  std::size_t working_ = 0;
  queue turns_;   // for a turn: served first
  queue places_;  // for a place, and a seat for a caller
};

}  // namespace fanout::detail
