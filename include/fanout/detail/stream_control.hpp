#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <stop_token>

#include "fanout/batch_progress.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/chunk.hpp"
#include "fanout/detail/export.hpp"
#include "fanout/detail/stream_attendance.hpp"
#include "fanout/detail/stream_cost.hpp"
#include "fanout/stream_options.hpp"

/// The interface between the templates of a stream, which know its items and results, and the engine, which decides
/// which threads work for it and when.
namespace fanout::detail {

class stream_run;

/// One of the workers of a stream: a place that one thread at a time takes. On cache lines of its own, because its
/// thread writes it all the time.
struct alignas(128) stream_worker {
  chunk mine{};                           // identifies the worker to its tasks, and counts them
  std::atomic<bool> taken{false};         // its release and acquire hand this over to the next thread
  std::atomic<std::size_t> failed{0};     // of its tasks; written by the thread that has taken it
  std::atomic<std::size_t> left{0};       // items that it has pulled and not started; a hint, which orders nothing
  std::size_t most = 1;                   // how many items it pulls at a time
  stream_cost cost{};                     // by which it judges how many workers are of use
  std::size_t others_had_started = 0;     // when it last looked whether it is superfluous
  std::size_t looked_at = 0;              // another worker, and what that one had started then
  std::size_t had_started = 0;
};

/// A stream as all of its threads see it.
///
/// Workers *pull* items from the source, one worker at a time, map them, and leave the results in places, of which
/// there are as many as the look-ahead. The reader takes a result, and gives its place back when it moves on. A
/// worker that finds nothing to do soon leaves, so nobody waits but the reader; whoever makes something to do calls a
/// worker if one is missing. That happens when the reader gives back a place, when a worker has pulled and others
/// could too, and, because an item may take unexpectedly long, from time to time while the reader waits.
/// `basic_stream_attendance` says why no call is lost.
class FANOUT_EXPORT stream_control : public batch_control {
 public:
  stream_control(const stream_control&) = delete;
  stream_control& operator=(const stream_control&) = delete;

  // What tasks use; see batch_control.
  std::stop_token stop_token(const chunk& its_chunk) override;
  std::size_t runner_of(const chunk& its_chunk) const noexcept override;

  // What the engine calls, on a worker:

  /// Pulls some items and maps them. Returns the number of items pulled: 0 if there was no place or no item, or if
  /// another worker was pulling.
  virtual std::size_t turn(stream_worker& me) noexcept = 0;

  /// Maps one item that another worker has pulled and not started. False if there is none.
  virtual bool steal(stream_worker& me) noexcept = 0;

  /// The word that becomes ready when result `number` is delivered, counted in the order of delivery.
  virtual std::atomic<std::uint32_t>& word_of(std::size_t number) noexcept = 0;

  batch_progress progress() const noexcept;

 protected:
  // The states of a place, and the mark of a reader that waits. In order, a place becomes ready by its own state; as
  // completed, by its number in the line of results.
  static constexpr std::uint32_t awaited = 1;
  static constexpr std::uint32_t vacant = 0;
  static constexpr std::uint32_t pulled = 2;
  static constexpr std::uint32_t started = 4;
  static constexpr std::uint32_t done = 8;
  static constexpr std::uint32_t failed = 16;

  /// `stops` may be null. Throws `std::invalid_argument` for bad options, `resource_error` if the
  /// threads are refused, `std::bad_alloc`.
  stream_control(executor_core* executor, const stream_options& options,
                 const stop_functions* stops);
  virtual ~stream_control();

  /// What a stop of the options does. Any thread may call it.
  void cancel() noexcept;

  /// Has the stream stopped when this time is over.
  void limit_time(std::chrono::nanoseconds timeout);

  /// For the reader: waits until result `number` is ready, or will never be because the source has ended or the
  /// stream was stopped.
  void await(std::size_t number);

  /// Stops what runs, and waits for it. After this, no other thread uses the object. A second call does nothing.
  void stop_and_join() noexcept;

  void tell_tasks_to_stop() noexcept;
  void wake_reader() noexcept;
  void call_worker() noexcept;
  [[noreturn]] void throw_cancelled() const;
  void rethrow_breakage() const;

  bool in_order() const noexcept { return in_order_; }
  bool is_ready(std::uint32_t word) const noexcept { return word >= (in_order_ ? done : 2); }
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }
  bool source_has_ended() const noexcept { return ended_.load(std::memory_order_acquire); }
  bool may_start(std::size_t number) const noexcept {
    return !stopped() && number < cut_.load(std::memory_order_relaxed);
  }
  bool may_pull() const noexcept {
    return !stopped() && cut_.load(std::memory_order_relaxed) == uncut && !ended_.load(std::memory_order_relaxed);
  }

  /// Whether a worker that comes now would find something to pull.
  bool can_pull() const noexcept { return attendance_.can_pull() && may_pull(); }

  /// Call it when there is something to pull.
  void call_if_missing() noexcept {
    if (attendance_.is_missing()) call_worker();
  }

  /// While the reader maps, it does not notice if others are inside long items. So whoever goes to map while others
  /// could map more calls one of them.
  void call_while_reader_maps() noexcept {
    if (reader_maps_.load(std::memory_order_seq_cst) && attendance_.coming() < most_workers_) call_worker();
  }

  /// No item from this number on is started.
  void cut_at(std::size_t number) noexcept {
    std::size_t seen = cut_.load(std::memory_order_relaxed);
    while (number < seen && !cut_.compare_exchange_weak(seen, number, std::memory_order_relaxed)) {
    }
  }

  static constexpr std::size_t uncut = std::numeric_limits<std::size_t>::max();

  std::size_t capacity_ = 0;      // the look-ahead; written by the constructor
  std::size_t most_workers_ = 0;  // likewise
  std::size_t cores_ = 1;         // likewise

  basic_stream_attendance<chunk_primitives> attendance_{};
  std::atomic<bool> ended_{false};  // released with the error of the source, if there is one
  std::atomic<std::size_t> cut_{uncut};
  // The reader has waited since there was nothing to pull. Then it will notice if a worker is inside a long item, so
  // others need not be there: see `sleep` in stream_reader.cpp. A hint, which orders nothing.
  std::atomic<bool> is_awaited_{false};
  // Written by the reader, read by workers. Sequentially consistent, as the lock of the source is: a worker that has
  // pulled either sees that the reader maps, or is seen by the worker that the reader calls then.
  std::atomic<bool> reader_maps_{false};

 private:
  friend class stream_run;

  struct run_deleter {
    FANOUT_EXPORT void operator()(stream_run* run) const noexcept;
  };

  const bool in_order_;
  std::atomic<bool> cancelled_{false};  // by the stop token of the options
  std::unique_ptr<stream_run, run_deleter> run_{};
};

}  // namespace fanout::detail
