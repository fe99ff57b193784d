#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "fanout/detail/call.hpp"
#include "fanout/detail/stream_item.hpp"
#include "fanout/detail/stream_places.hpp"
#include "fanout/detail/tsan.hpp"

/// The whole of a stream: its source, its mapper, and what its workers do.
namespace fanout::detail {

/// `Range` is a `held_range_t`.
template <class Range, class F, class R>
class mapped_stream final : public stream_places<R> {
  using control = stream_control;
  using base = stream_places<R>;
  using typename base::place;
  using clock = std::chrono::steady_clock;

 public:
  template <class From, class Mapper>
  mapped_stream(executor_core* executor, From&& from, Mapper&& mapper, const stream_options& options)
      : base(executor, options),
        source_(std::in_place, std::forward<From>(from)),
        mapper_(std::forward<Mapper>(mapper)),
        items_(new stream_item<Range>[this->capacity_]) {
    tsan::order_of_batch(this).caller_begins();
    this->start();
  }
  ~mapped_stream() override { this->close(); }

  std::size_t turn(stream_worker& me) noexcept override {
    if (!this->attendance_.lock_source()) return 0;
    const tsan::tasks_of_batch here(this);
    const tsan::handed_on mine(&me);
    const clock::time_point begin = clock::now();
    if (this->most_workers_ == 1) return turn_alone(me, begin);
    std::array<std::uint32_t, most_at_once> taken;
    const std::size_t count = pull(taken.data(), std::min(me.most, this->attendance_.room()));
    this->attendance_.unlock_source();
    if (count == 0) return 0;
    const clock::time_point pulled_at = clock::now();
    const bool others_can_pull = this->attendance_.room() != 0 && this->may_pull();
    if (others_can_pull) this->call_if_missing();
    if (others_can_pull || count > 1) this->call_while_reader_maps();
    for (std::size_t i = 0; i != count; ++i) {
      me.left.store(count - i - 1, std::memory_order_relaxed);
      map(me, taken[i]);
    }
    const clock::time_point end = clock::now();
    note_cost(me, end - pulled_at, count);
    adjust(me, (end - begin) / count);
    return count;
  }

  bool steal(stream_worker& me) noexcept override {
    const tsan::tasks_of_batch here(this);
    std::size_t const end = this->attendance_.pulled();
    std::size_t number = this->attendance_.released();
    if (this->in_order()) {
      for (; number < end; ++number) {
        const auto where = static_cast<std::uint32_t>(number % this->capacity_);
        if (!is_unstarted(where)) continue;
        this->call_while_reader_maps();
        if (map(me, where)) return true;
      }
      return false;
    }
    std::uint32_t oldest = 0;
    std::size_t least = base::uncut;
    for (std::uint32_t where = 0; where != this->capacity_; ++where) {
      const std::size_t its_number = is_unstarted(where) ? this->number_in(where) : base::uncut;
      if (its_number >= least) continue;
      oldest = where;
      least = its_number;
    }
    if (least == base::uncut) return false;
    this->call_while_reader_maps();
    return map(me, oldest);
  }

 private:
  // A worker pulls as many items at a time as it maps in about this time. Then it costs little to take turns.
  static constexpr std::chrono::nanoseconds time_of_turn{20'000};
  static constexpr std::size_t most_at_once = 256;

  /// With one worker: maps each item before it pulls the next, because nobody could map it if the source waited.
  std::size_t turn_alone(stream_worker& me, clock::time_point begin) noexcept {
    std::size_t count = 0;
    const std::size_t most = std::min(me.most, this->attendance_.room());
    for (std::uint32_t where = 0; count != most && pull(&where, 1) != 0; ++count) map(me, where);
    this->attendance_.unlock_source();
    if (count != 0) adjust(me, (clock::now() - begin) / count);
    return count;
  }

  /// Pulls up to `most` items, for which there is room, and publishes each, so that others can map it if the source
  /// waits before the next.
  std::size_t pull(std::uint32_t* taken, std::size_t most) noexcept {
    std::size_t count = 0;
    try {
      std::size_t number = this->attendance_.pulled();
      for (; count != most && this->may_pull(); ++count, ++number) {
        if (!source_.next()) {
          end_source();
          break;
        }
        const std::uint32_t where = this->place_for(number);  // lost if the item cannot be read: it is the last
        items_[where].read(source_.at());
        this->set_number(where, number);
        detail::prefetch_far_behind(&this->places_[where]);
        this->attendance_.count_pulled(number);
        this->places_[where].state.fetch_add(control::pulled, std::memory_order_release);
        taken[count] = where;
      }
    } catch (...) {
      require_exception();
      this->source_error_ = std::current_exception();
      end_source();
    }
    return count;
  }

  void end_source() noexcept {
    this->ended_.store(true, std::memory_order_release);
    this->wake_reader();
  }

  bool is_unstarted(std::uint32_t where) const noexcept {
    return (this->places_[where].state.load(std::memory_order_acquire) & control::pulled) != 0;
  }

  /// Maps the item of a place, unless another worker has, or the item must not start any more.
  bool map(stream_worker& me, std::uint32_t where) noexcept {
    place& its = this->places_[where];
    std::uint32_t seen = its.state.load(std::memory_order_relaxed);
    do {
      if ((seen & control::pulled) == 0 || !this->may_start(this->number_in(where))) return false;
    } while (!its.state.compare_exchange_weak(seen, (seen ^ control::pulled) | control::started,
                                              std::memory_order_acquire, std::memory_order_relaxed));
    const std::size_t number = this->number_in(where);
    std::uint32_t outcome = control::done;
    me.mine.count_start();
    try {
      ::new (static_cast<void*>(std::addressof(its.value)))
          R(detail::call_mapper(started_task{number, *this, me.mine}, mapper_, items_[where].give()));
    } catch (...) {
      require_exception();
      ::new (static_cast<void*>(std::addressof(its.cause))) std::exception_ptr(std::current_exception());
      outcome = control::failed;
      me.failed.store(me.failed.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    items_[where].destroy();
    me.mine.count_end();
    outcome == control::failed ? deliver_failure(where, number) : this->deliver(where, outcome);
    return true;
  }

  /// What is before the failure will be delivered. As completed, that is only what has ended already. The running
  /// tasks are told only when the failure is in the line: one of them may fail because of that, and must come behind
  /// its cause.
  void deliver_failure(std::uint32_t where, std::size_t number) noexcept {
    this->cut_at(this->in_order() ? number : 0);
    this->deliver(where, control::failed);
    if (!this->in_order()) this->tell_tasks_to_stop();
  }

  void note_cost(stream_worker& me, std::chrono::nanoseconds took, std::size_t count) noexcept {
    const bool is_awaited = this->is_awaited_.load(std::memory_order_relaxed);
    this->attendance_.set_useful(me.cost.note(
        took, count, is_awaited,
        {.most_workers = this->most_workers_, .capacity = this->capacity_, .cores = this->cores_}));
  }

  void adjust(stream_worker& me, std::chrono::nanoseconds each) noexcept {
    const auto wanted = static_cast<std::size_t>(time_of_turn / std::max(each, std::chrono::nanoseconds(1)));
    const std::size_t most = std::max<std::size_t>(1, std::min(most_at_once, this->capacity_ / 2));
    me.most = std::clamp<std::size_t>(wanted, std::max<std::size_t>(1, me.most / 8), std::min(2 * me.most, most));
  }

  void destroy_item(std::size_t where) noexcept override { items_[where].destroy(); }

  stream_source<Range> source_;
  F mapper_;
  const std::unique_ptr<stream_item<Range>[]> items_;
};

}  // namespace fanout::detail
