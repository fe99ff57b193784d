#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <utility>

#include "fanout/detail/stream_control.hpp"
#include "fanout/detail/tsan.hpp"
#include "fanout/error.hpp"

/// The results of a stream, and how the reader takes them.
namespace fanout::detail {

/// Small places lie in the cache of the core that used them last. This fetches one that is used soon, so that the
/// core does not wait for each line when it comes to it. An address beyond the end does no harm.
template <class Place>
void prefetch_far_behind(const Place* place) noexcept {
#if defined(__GNUC__)
  constexpr std::uintptr_t distance = 384;
  if constexpr (sizeof(Place) <= 64) {
    const std::uintptr_t behind = reinterpret_cast<std::uintptr_t>(place) + distance;
    __builtin_prefetch(reinterpret_cast<const void*>(behind), 1);  // NOLINT(performance-no-int-to-ptr)
  }
#endif
}

/// In order, item n has the place n modulo the number of places. As completed, it gets whichever place the reader has
/// given back, and results queue up in a *line* of places.
template <class R>
class stream_places : public stream_control {
 public:
  stream_places(executor_core* executor, const stream_options& options)
      : stream_control(executor, options, tsan::stops),
        places_(new place[capacity_]),
        numbers_(new std::atomic<std::size_t>[capacity_]),
        line_(in_order() ? nullptr : new std::atomic<std::uint32_t>[std::bit_ceil(capacity_)]()),
        line_mask_(std::bit_ceil(capacity_) - 1),
        free_(in_order() ? nullptr : new std::uint32_t[capacity_]),
        stop_(options.stop),
        timeout_(options.timeout) {
    if (in_order()) return;
    for (std::size_t each = 0; each != capacity_; ++each) free_[each] = static_cast<std::uint32_t>(each);
  }
  stream_places(const stream_places&) = delete;
  stream_places& operator=(const stream_places&) = delete;
  ~stream_places() override = default;

  // ── The reader ──

  /// Ends the stream, unless it has ended: stops what runs, waits for it, and destroys what was not delivered.
  void close() noexcept {
    if (std::exchange(closed_, true)) return;
    stop_and_join();
    on_stop_.reset();
    tsan::order_of_batch(this).caller_goes_on();
    for (std::size_t each = 0; each != capacity_; ++each) {
      place& left = places_[each];
      const std::uint32_t state = left.state.load(std::memory_order_relaxed);
      if ((state & pulled) != 0) destroy_item(each);
      if ((state & done) != 0) std::destroy_at(std::addressof(left.value));
      if ((state & failed) != 0) std::destroy_at(std::addressof(left.cause));
    }
    current_ = nullptr;
  }

  /// Waits for the first result, if that was not done before.
  void begin() {
    if (!std::exchange(begun_, true)) next();
  }

  /// Moves on to the next result, or to the end.
  void next() {
    if (closed_) return;
    if (current_ != nullptr) give_back();
    const std::atomic<std::uint32_t>& word = in_order() ? places_[turn_].state : line_[delivered_ & line_mask_];
    std::uint32_t seen = cancelled() ? vacant : word.load(std::memory_order_acquire);
    if (!is_ready(seen)) [[unlikely]] {
      if (!cancelled()) wait();
      seen = word.load(std::memory_order_acquire);
      if (cancelled() || !is_ready(seen)) return end();
    }
    current_ = &places_[in_order() ? turn_ : take_from_line(seen)];
    detail::prefetch_far_behind(current_);
    // A failure may be the consequence of a stop that came since this thread looked for one.
    if ((current_->state.load(std::memory_order_relaxed) & failed) != 0) [[unlikely]] cancelled() ? end() : fail();
  }

  bool at_end() const noexcept { return closed_; }
  R& value() const noexcept { return current_->value; }
  std::size_t index() const noexcept { return in_order() ? delivered_ : number_in(current_ - places_.get()); }

 protected:
  struct place {
    std::atomic<std::uint32_t> state{vacant};
    union {
      R value;                   // if the state is `done`
      std::exception_ptr cause;  // if it is `failed`
    };

    place() noexcept {}  // NOLINT(modernize-use-equals-default): not possible
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() {}  // NOLINT(modernize-use-equals-default): not possible
  };

  virtual void destroy_item(std::size_t where) noexcept = 0;

  /// Forwards the stop of the options, and then calls the first worker. Requires that the object is complete.
  void start() {
    if (stop_.stop_possible()) on_stop_.emplace(stop_, forward_stop{this});
    limit_time(timeout_);
    if (!cancelled()) call_worker();
  }

  std::atomic<std::uint32_t>& word_of(std::size_t number) noexcept override {
    return in_order() ? places_[number % capacity_].state : line_[number & line_mask_];
  }

  /// The place of the next item. Called by the worker that pulls, when there is room.
  std::uint32_t place_for(std::size_t number) noexcept {
    if (!in_order()) return free_[number % capacity_];
    const std::uint32_t where = next_place_;
    next_place_ = where + 1 == capacity_ ? 0 : where + 1;
    return where;
  }

  /// Gives the result, or the failure, to the reader. Exchanges instead of stores, because the reader may have marked
  /// the word: then it sleeps.
  void deliver(std::uint32_t where, std::uint32_t state) noexcept {
    std::uint32_t seen = 0;
    if (in_order()) {
      seen = places_[where].state.exchange(state, std::memory_order_acq_rel);
    } else {
      places_[where].state.store(state, std::memory_order_release);
      const std::size_t number = finished_.fetch_add(1, std::memory_order_relaxed);
      seen = line_[number & line_mask_].exchange((where + 1) << 1U, std::memory_order_acq_rel);
    }
    if ((seen & awaited) != 0) wake_reader();
  }

  /// The number of the item in a place.
  std::size_t number_in(std::ptrdiff_t where) const noexcept {
    return numbers_[static_cast<std::size_t>(where)].load(std::memory_order_relaxed);
  }
  void set_number(std::uint32_t where, std::size_t number) noexcept {
    numbers_[where].store(number, std::memory_order_relaxed);
  }

  const std::unique_ptr<place[]> places_;

 private:
  /// If there is no memory to wait, the stream has ended.
  void wait() {
    try {
      await(delivered_);
    } catch (const std::bad_alloc&) {
      close();
      throw;
    }
  }

  /// A word of the line is used again only after the place that was in it, or one before it, was given back.
  std::size_t take_from_line(std::uint32_t word) noexcept {
    line_[delivered_ & line_mask_].store(0, std::memory_order_relaxed);
    return (word >> 1U) - 1;
  }

  void give_back() noexcept {
    std::destroy_at(std::addressof(current_->value));
    current_->state.store(vacant, std::memory_order_relaxed);
    if (in_order()) {
      turn_ = turn_ + 1 == capacity_ ? 0 : turn_ + 1;
    } else {
      free_[turn_] = static_cast<std::uint32_t>(current_ - places_.get());
      turn_ = turn_ + 1 == capacity_ ? 0 : turn_ + 1;
    }
    current_ = nullptr;
    ++delivered_;
    attendance_.give_back(delivered_);
    if (!source_has_ended()) call_if_missing();
  }

  /// The exception belongs to the reader, and to the stream no more.
  [[noreturn]] void fail() {
    const std::size_t number = index();
    const std::exception_ptr cause = current_->cause;
    close();
    throw task_error(number, cause);
  }

  void end() {
    const std::exception_ptr of_source = source_has_ended() && !cancelled() ? source_error_ : nullptr;
    close();
    source_error_ = nullptr;
    if (cancelled()) throw_cancelled();
    rethrow_breakage();
    if (of_source) std::rethrow_exception(of_source);
  }

  // Of the items in the places. Stored before the state becomes `pulled`. Apart from the places, because a reader
  // that asks for no number then takes fewer cache lines from the workers.
  const std::unique_ptr<std::atomic<std::size_t>[]> numbers_;

  const std::unique_ptr<std::atomic<std::uint32_t>[]> line_;  // the place plus one, times two; plus the mark
  const std::size_t line_mask_;
  const std::unique_ptr<std::uint32_t[]> free_;  // places that were given back; ordered by the count of these

  // Here and not in the engine, because ThreadSanitizer sees the order of a callback with its registration and its
  // destruction only in code that is compiled for it.
  struct forward_stop {
    stream_places* to;
    void operator()() const noexcept { to->cancel(); }
  };
  const std::stop_token stop_;
  const std::chrono::nanoseconds timeout_;
  std::optional<std::stop_callback<forward_stop>> on_stop_{};

  // Used by the worker that pulls, under the lock of the source:
  std::uint32_t next_place_ = 0;

 protected:
  std::exception_ptr source_error_{};  // released by `ended_`

 private:
  alignas(64) std::atomic<std::size_t> finished_{0};  // results and failures in the line

  // Used by the reader:
  alignas(64) place* current_ = nullptr;
  std::size_t delivered_ = 0;  // results given back
  std::size_t turn_ = 0;       // the same, modulo the number of places
  bool begun_ = false;
  bool closed_ = false;
};

}  // namespace fanout::detail
