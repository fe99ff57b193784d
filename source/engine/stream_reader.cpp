#include <algorithm>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/deferred_cancellation.hpp"
#include "base/primitives.hpp"
#include "engine/stream_run.hpp"

/// How the reader of a stream waits.
namespace fanout::detail {

using namespace std::chrono_literals;

bool stream_run::has_come(std::size_t number) noexcept {
  if (stream_.is_ready(stream_.word_of(number).load(std::memory_order_acquire))) return true;
  if (stream_.source_has_ended() && number >= stream_.attendance_.pulled()) return true;
  return stream_.cancelled() || broken_.load(std::memory_order_acquire);
}

/// Under the mutex, because the source of the stop is on the reader's stack. What the request runs locks the mutex of
/// the limiter only.
void stream_run::wake_reader() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (arrival_ != nullptr) arrival_->request_stop();
  }
  woken_.notify_one();
}

void stream_run::await(std::size_t number) {
  const deferred_cancellation until_it_has_come;
  measure(number);
  stream_.is_awaited_.store(true, std::memory_order_relaxed);
  if (spin(number)) return;
  const position here;
  if (here.entry() == nullptr) return sleep(number);
  if (is_inside(here.entry(), this)) throw std::logic_error("a task of a stream cannot read the stream");
  wait_inside(number, *here.entry());
}

/// Spins longer if results come quickly, and there is a core for that. Then it looks at a later result first: if it
/// took each one at once, reader and worker would take cache lines from each other all the time.
bool stream_run::spin(std::size_t number) noexcept {
  const bool long_enough = quick_ && stream_.attendance_.coming() < stream_.cores_;
  if (long_enough) {
    const std::size_t ahead = number + stream_.capacity_ / 4;
    for (int look = 0; look != 40 && !has_come(ahead); ++look) std_primitives::pause();
  }
  for (int look = 0, looks = long_enough ? 200 : 20; look != looks; ++look, std_primitives::pause())
    if (has_come(number)) return true;
  for (int look = 0; look != 5; ++look) {
    std::this_thread::yield();
    if (has_come(number)) return true;
  }
  return false;
}

/// The reader is the one whose waiting tells that something is late. So from time to time it calls a worker, if one
/// is missing: the others may be inside items that take unexpectedly long. It does so early if it sees that a worker
/// would find something.
void stream_run::sleep(std::size_t number) noexcept {
  if (nap(number)) return;
  if (sleep_until_ready(number, 200us)) return;
  if (stream_.can_pull() || has_unstarted()) call_worker();
  for (auto limit = std::chrono::nanoseconds(1ms); !sleep_until_ready(number, limit);) {
    limit = std::min<std::chrono::nanoseconds>(2 * limit, 16ms);
    call_worker();
  }
}

bool stream_run::has_unstarted() const noexcept {
  return std::any_of(workers_.get(), workers_.get() + most_workers_,
                     [](const stream_worker& each) { return each.left.load(std::memory_order_relaxed) != 0; });
}

/// To wake a reader costs a worker microseconds, so a reader that waits all the time sleeps until several results are
/// there, or for `longest_nap`. If they do not come in that time, it does not do so again soon.
bool stream_run::nap(std::size_t number) noexcept {
  if (nap_ahead_ == 0) return false;
  constexpr std::chrono::nanoseconds longest_nap = 200us;
  if (!sleep_until_ready(number + nap_ahead_, longest_nap)) {
    nap_ahead_ = 0;
    naps_off_ = 16;
  }
  return has_come(number);
}

/// How many results come within a nap.
void stream_run::measure(std::size_t number) noexcept {
  const clock::time_point now = clock::now();
  const std::size_t since = number - std::exchange(last_number_, number);
  const auto time = now - std::exchange(last_time_, now);
  if (since == 0) return;
  const auto each = std::max<std::chrono::nanoseconds>(time / since, 1ns);
  quick_ = each < 4us;
  if (naps_off_ != 0) {
    --naps_off_;
    return;
  }
  const std::size_t most = std::min<std::size_t>(static_cast<std::size_t>(150us / each), stream_.capacity_ / 2);
  nap_ahead_ = std::min(most, std::max<std::size_t>(1, 2 * nap_ahead_));
}

bool stream_run::sleep_until_ready(std::size_t number, std::chrono::nanoseconds limit) noexcept {
  std::unique_lock lock(mutex_);
  if (stream_.is_ready(stream_.word_of(number).fetch_or(stream_control::awaited, std::memory_order_acq_rel)))
    return true;
  return woken_.wait_for(lock, limit, [&] { return has_come(number); });
}

/// For a reader inside a task. Its task may hold the slot that the stream needs, or be one of several that wait for
/// each other, so it offers to work for the stream, under a slot of the executor: under that of its task, if the
/// executor is the same. `executor_limiter` finds out who waits for whom.
void stream_run::wait_inside(std::size_t number, const scope_entry& here) {
  for (auto limit = std::chrono::nanoseconds(1ms); !has_come(number);) {
    if (limiter_ != nullptr && help(number, here)) continue;
    executor_limiter::wait_for(&here, this, [&] { sleep_until_ready(number, limit); });
    limit = std::min<std::chrono::nanoseconds>(2 * limit, 16ms);
    if (!has_come(number)) call_worker();
  }
}

/// True if it has mapped something.
bool stream_run::help(std::size_t number, const scope_entry& here) {
  std::stop_source arrival;
  const auto set_arrival = [this](std::stop_source* source) noexcept {
    const std::lock_guard lock(mutex_);
    arrival_ = source;
  };
  set_arrival(&arrival);
  bool has_helped = false;
  const auto ready = stream_.word_of(number).fetch_or(stream_control::awaited, std::memory_order_acq_rel);
  if (!stream_.is_ready(ready) && !has_come(number)) {
    const auto [how, lender] = limiter_->enter(&here, arrival.get_token());
    if (how != executor_limiter::admission::stopped) {
      bool makes_way = false;
      if (stream_worker* const me = take_worker(); me != nullptr) {
        const batch_scope scope{
            .limiter = limiter_, .home = executor_, .starter = &here, .lender = lender, .awaited_as = this};
        {
          const scope_entry inside(scope, lender == nullptr, static_cast<std::size_t>(me - workers_.get()));
          const with_float_settings same(float_settings_);
          // Called here, because the reader takes an item that keeps it from noticing that more are late.
          stream_.reader_maps_.store(most_workers_ > 1, std::memory_order_seq_cst);
          stream_.call_while_reader_maps();
          while (!has_come(number)) {
            if (lender == nullptr && limiter_->is_one_too_many()) {
              makes_way = true;
              break;
            }
            me->most = 1;
            if (stream_.turn(*me) == 0 && !stream_.steal(*me)) break;
            has_helped = true;
          }
          stream_.reader_maps_.store(false, std::memory_order_seq_cst);
        }
        me->taken.store(false, std::memory_order_release);
      }
      if (lender != nullptr) {
        limiter_->give_back(*lender);
      } else {
        makes_way ? limiter_->make_way(nullptr) : limiter_->leave();
      }
    }
  }
  set_arrival(nullptr);
  return has_helped;
}

}  // namespace fanout::detail
