#pragma once

#include <atomic>
#include <cstddef>

#include "fanout/detail/spinning_place.hpp"

/// Which workers of a stream are there, and whether one is missing.
namespace fanout::detail {

/// A worker that finds nothing to pull leaves, so whoever makes something to pull must call one if none is there. The
/// reader does so when it has given back a place, and a worker when it has unlocked the source.
///
/// **No call is lost**, because each side writes its own variables before it reads those of the other, all of them
/// sequentially consistent. The reader stores `released_`, or a worker unlocks the source, and then loads
/// `lingering_` and `coming_`. A worker that leaves writes these, and then loads `source_is_busy_` and `released_`.
/// So one of the two sees what the other wrote: the first calls a worker, or the second stays.
///
/// `Primitives` provides the atomics. The model checker substitutes its own: see unit_tests/model.
template <class Primitives>
class basic_stream_attendance {
 public:
  /// Requires that it is called before all others.
  void open(std::size_t places, std::size_t workers) {
    places_ = places;
    useful_.store(workers, std::memory_order_relaxed);
  }

  // ── The source ──

  bool lock_source() noexcept {
    return !source_is_busy_.load(std::memory_order_relaxed) &&
           !source_is_busy_.exchange(true, std::memory_order_acquire);
  }
  void unlock_source() noexcept { source_is_busy_.store(false, std::memory_order_seq_cst); }

  /// Counts an item. Called under the lock. Release: who sees it also sees what was done before.
  void count_pulled(std::size_t number) noexcept { pulled_.store(number + 1, std::memory_order_release); }

  std::size_t pulled() const noexcept { return pulled_.load(std::memory_order_acquire); }
  std::size_t released() const noexcept { return released_.load(std::memory_order_acquire); }

  // Acquire, by way of the sequential consistency: who uses a place after this sees that its last user has left it.
  std::size_t room() const noexcept {
    return places_ - (pulled_.load(std::memory_order_relaxed) - released_.load(std::memory_order_seq_cst));
  }

  /// Whether a worker that comes now would find a place, and the source unlocked.
  bool can_pull() const noexcept { return !source_is_busy_.load(std::memory_order_seq_cst) && room() != 0; }

  // ── Who makes something to pull ──

  /// For the reader, which has given back so many places since the beginning.
  void give_back(std::size_t released) noexcept { released_.store(released, std::memory_order_seq_cst); }

  /// Whether a worker must be called, because none would come to pull.
  bool is_missing() const noexcept {
    if (lingering_.load(std::memory_order_seq_cst) && !lingers_at_.is_taken_by_caller()) return false;
    return coming_.load(std::memory_order_seq_cst) < useful_.load(std::memory_order_relaxed);
  }

  // ── A worker ──

  /// How many workers have been called, or are at work.
  std::size_t coming() const noexcept { return coming_.load(std::memory_order_relaxed); }

  /// Counts a worker that is called, or that comes back. False if there are `most` already.
  bool count_in(std::size_t most) noexcept {
    std::size_t seen = coming_.load(std::memory_order_relaxed);
    do {
      if (seen >= most) return false;
    } while (!coming_.compare_exchange_weak(seen, seen + 1, std::memory_order_seq_cst, std::memory_order_relaxed));
    return true;
  }

  /// For a worker that leaves. After this, it comes back if `can_pull`.
  void count_out() noexcept { coming_.fetch_sub(1, std::memory_order_seq_cst); }

  bool are_too_many() const noexcept { return coming() > useful(); }

  /// Counts a worker out if others remain that are enough.
  bool count_out_if_too_many() noexcept {
    std::size_t seen = coming_.load(std::memory_order_relaxed);
    do {
      if (seen <= useful()) return false;
    } while (!coming_.compare_exchange_weak(seen, seen - 1, std::memory_order_seq_cst, std::memory_order_relaxed));
    return true;
  }

  /// A worker looks for something to pull for a while before it leaves. False if another one does already.
  bool begin_to_linger() noexcept { return !lingering_.exchange(true, std::memory_order_seq_cst); }
  /// Where that one lingers: whoever has its core makes something to pull that it does not see.
  basic_spinning_place<Primitives>& lingers_at() noexcept { return lingers_at_; }
  /// After this, the worker looks once more whether it `can_pull`.
  void end_lingering() noexcept { lingering_.store(false, std::memory_order_seq_cst); }

  /// How many workers are of use: at least one. A hint, which orders nothing.
  std::size_t useful() const noexcept { return useful_.load(std::memory_order_relaxed); }
  void set_useful(std::size_t workers) noexcept { useful_.store(workers, std::memory_order_relaxed); }

 private:
  template <class T>
  using atomic = typename Primitives::template atomic<T>;

  std::size_t places_ = 0;  // written by `open`

  // Written by the worker that has locked the source:
  alignas(64) atomic<bool> source_is_busy_{false};
  atomic<std::size_t> pulled_{0};

  // Written by the reader:
  alignas(64) atomic<std::size_t> released_{0};

  // Written now and then, and read by all:
  alignas(64) atomic<std::size_t> coming_{0};
  atomic<bool> lingering_{false};
  basic_spinning_place<Primitives> lingers_at_{};
  atomic<std::size_t> useful_{1};
};

}  // namespace fanout::detail
