#pragma once

#include "gate.hpp"

namespace fanout::detail {

/// How a thread counts in the limit of an executor while it works for a batch. A thread works for one executor at a
/// time: for the one whose task it runs directly.
class presence {
 public:
  enum class kind {
    place,   // it got a place for this batch, by `enter` or `join`
    turn,    // it borrowed a turn
    shared,  // it runs a task of this executor already
  };

  /// Of a batch that counts in no limit.
  presence() = default;

  /// Ends by itself at the latest when it is destroyed, by the thread that made it.
  presence(gate& where, kind how);
  presence(const presence&) = delete;
  presence& operator=(const presence&) = delete;
  ~presence();

  /// The thread has ended its part of the batch, and may now wait for others: it counts no longer.
  void rest();

  /// Whether it is the thread's own place, and not a turn.
  bool has_place() const { return has_place_; }

  /// What the calling thread has in this gate just now; null for nothing.
  static const presence* of_this_thread_in(const gate& where);

 private:
  friend class absence;

  gate* const where_ = nullptr;
  const kind how_ = kind::place;
  const bool has_place_ = false;
  presence* outer_ = nullptr;
  bool resting_ = false;
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
};

}  // namespace fanout::detail
