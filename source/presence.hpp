#pragma once

#include "gate.hpp"

namespace fanout::detail {

/// How the calling thread of a batch, or a helper, counts in the limit of an executor.
class presence {
 public:
  enum class kind {
    caller,  // it was admitted
    helper,  // it joined
    turn,    // it borrowed a turn
    shared,  // it runs a task of this executor already
  };

  /// Of a batch that counts in no limit.
  presence() = default;

  /// Of the calling thread, which got in so. It counts until this is destroyed; a `shared` one goes on as before then.
  presence(gate& where, kind how);
  presence(const presence&) = delete;
  presence& operator=(const presence&) = delete;
  ~presence();

  /// The thread has ended its part of the batch, and may now wait for others: it does not count meanwhile. On the way
  /// it closes the session of a batch that needs no helper any more.
  void rest(gate::session* closed = nullptr);

  /// Ends it before it is destroyed, by the thread that made it. It may not have a place while user code runs that is not
  /// part of the batch, and might ask for one.
  void end();

  /// Whether it may enter the arena.
  bool has_seat() const { return has_seat_; }

  /// How the calling thread works for the executor of this gate just now; null if it does not.
  static const presence* of_this_thread_in(const gate& where);

 private:
  friend class work;
  friend class absence;

  gate* const where_ = nullptr;
  const kind how_ = kind::shared;
  presence* const outer_ = nullptr;
  const bool has_seat_ = false;
  bool resting_ = false;
  bool ended_ = false;
};

/// The calling thread works under a presence for as long as this lives: it runs tasks. A thread works for one executor
/// at a time, for the one whose task it runs directly. (It need not be the thread that made the presence: oneTBB may
/// run what was handed to a full arena on another.)
class work {
 public:
  explicit work(presence& under);
  work(const work&) = delete;
  work& operator=(const work&) = delete;
  ~work();

 private:
  presence* const before_;
};

/// The calling thread steps out of the executor for which it works, if there is one, for as long as this lives.
class absence {
 public:
  absence();
  absence(const absence&) = delete;
  absence& operator=(const absence&) = delete;
  ~absence();

 private:
  presence* const left_;
  gate* const where_;
};

}  // namespace fanout::detail
