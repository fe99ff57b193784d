#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>

#include "frame.hpp"

namespace fanout::detail {

/// The limit of an executor that several threads may call: at most so many threads are inside at once, and those
/// that wait come in in the order of their arrival.
///
/// Two kinds of threads come. A *caller* has a batch and waits as long as it takes. A *helper* is a worker of
/// oneTBB that would assist a batch; it waits only while that batch has work left, which the first thread that
/// finds none says by `close`. So a batch never ends later because a helper waits for it.
///
/// A caller that waits may itself hold a place in other executors, in whose tasks it was started. If a chain of
/// such waits leads back to it, nobody in the chain would ever move: `enter` sees that and refuses to wait. Every
/// wait of a nested caller is entered in one list of the process *before* it begins, under one mutex; so the last
/// of the waits that would close a cycle sees all others. (It may see one that is just ending, and refuse a wait
/// that would have ended, too: only among executors that do call each other in a cycle.)
class gate {
 public:
  /// What helpers wait for: a batch's side of the gate. Guarded by the gate's mutex.
  struct session {
    bool closed = false;
  };

  gate(const executor_core& executor, std::size_t limit) : executor_(executor), limit_(limit) {}

  enum class entry { admitted, would_deadlock, stopped };

  /// Waits for a place. `from` is where the caller stands, null outside of all batches.
  entry enter(const frame* from, const std::stop_token& stop);

  /// Waits for a place to assist a batch; false once its session is closed. Who got in must leave.
  bool join(const session& batch);

  void leave();

  /// The batch needs no helper any more: sends away those who wait for it.
  void close(session& batch);

  /// How many wait just now: for diagnostics and tests.
  std::size_t waiting() const;

 private:
  struct waiter {
    const session* batch = nullptr;  // null for a caller
    enum class state { waiting, admitted, sent_away } state = state::waiting;
    waiter* next = nullptr;
    std::condition_variable answered{};
  };

  bool try_enter();
  void wait(waiter& self, std::unique_lock<std::mutex>& lock);
  void answer(waiter& other, enum waiter::state answer);
  void admit_next();
  template <class Predicate>
  void send_away(Predicate applies);

  const executor_core& executor_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::size_t inside_ = 0;
  waiter* first_ = nullptr;  // in the order of arrival
  waiter** end_ = &first_;
};

/// The place that a caller got, given back at the latest when this is destroyed.
class admission {
 public:
  explicit admission(gate* entered = nullptr) : entered_(entered) {}
  admission(const admission&) = delete;
  admission& operator=(const admission&) = delete;
  ~admission() { give_back(); }

  void give_back() {
    if (entered_ != nullptr) entered_->leave();
    entered_ = nullptr;
  }

 private:
  gate* entered_;
};

}  // namespace fanout::detail
