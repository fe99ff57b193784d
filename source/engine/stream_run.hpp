#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/primitives.hpp"
#include "engine/batch_deadline.hpp"
#include "engine/verdict.hpp"
#include "executor/batch_scope.hpp"
#include "executor/executor_core.hpp"
#include "executor/executor_limiter.hpp"
#include "executor/position.hpp"
#include "fanout/detail/stream_control.hpp"
#include "threads/arena.hpp"
#include "threads/floating_point.hpp"
#include "threads/reserves.hpp"

namespace fanout::detail {

/// How many items a stream may map at once if it has places enough.
std::size_t most_mapped(const executor_core* executor, const concurrency_limit& limit);

/// Which threads work for a stream, and when; and how its reader waits.
///
/// Workers are reserves. On an executor, the limiter calls them when it has a slot, so that a stream that waits for
/// one holds no thread. Without an executor, a stream has promised reserves.
class stream_run final : private reserves::duty, private executor_limiter::helped, private batch_deadline {
 public:
  stream_run(stream_control& of, executor_core* executor, const stream_options& options,
             const stop_functions* stops);
  stream_run(const stream_run&) = delete;
  stream_run& operator=(const stream_run&) = delete;
  ~stream_run() override;

  std::size_t most_workers() const { return most_workers_; }
  void limit_time(std::chrono::nanoseconds timeout) { set_deadline(timeout); }
  void call_worker() noexcept;
  void cancel() noexcept;
  void wake_reader() noexcept;
  void await(std::size_t number);
  void stop_and_join() noexcept;

  void tell_tasks_to_stop() noexcept;
  std::stop_token stop_token();
  std::size_t number_of(const chunk& its_chunk) const noexcept;
  batch_progress progress() const noexcept;
  void rethrow_breakage() const;
  bool is_out_of_time() const noexcept { return has_stopped_it(); }

 private:
  using clock = std::chrono::steady_clock;

  // reserves::duty, and executor_limiter::helped
  void serve() noexcept override;
  bool wants_help() const noexcept override { return !closing_.load(std::memory_order_relaxed); }
  void call_helpers(std::size_t count) noexcept override { calls_.call(count); }
  std::size_t withdraw_helpers() noexcept override { return calls_.withdraw(); }

  // batch_deadline
  bool is_stopped() const noexcept override { return stream_.cancelled(); }
  void stop() noexcept override { cancel(); }

  // A worker:
  enum class fate {
    idle,         // there is nothing to do
    counted_out,  // there is, but for others
    makes_way,    // its executor's limit has been lowered: it must give back its slot
  };
  fate work() noexcept;
  fate run_turns(stream_worker& me) noexcept;
  bool linger(std::chrono::nanoseconds time, std::size_t wanted) noexcept;
  bool steals_from_stuck(stream_worker& me) noexcept;
  bool count_out_if_superfluous(stream_worker& me) noexcept;
  stream_worker* take_worker() noexcept;
  void break_off(std::exception_ptr cause) noexcept;

  // The reader:
  bool has_come(std::size_t number) noexcept;
  bool spin(std::size_t number) noexcept;
  void sleep(std::size_t number) noexcept;
  bool has_unstarted() const noexcept;
  bool nap(std::size_t number) noexcept;
  bool sleep_until_ready(std::size_t number, std::chrono::nanoseconds limit) noexcept;
  void wait_inside(std::size_t number, const scope_entry& here);
  bool help(std::size_t number, const scope_entry& here);
  void measure(std::size_t number) noexcept;

  stream_control& stream_;
  executor_core* const executor_;
  executor_limiter* const limiter_;  // null without an executor
  const std::size_t most_workers_;
  std::optional<reserves::promise> promise_;
  std::optional<executor_core::visit> visit_;
  const batch_scope scope_;  // of the workers
  const float_settings float_settings_ = float_settings::of_this_thread();
  const std::unique_ptr<stream_worker[]> workers_;
  reserves::calls calls_{*this};

  std::mutex calling_;                // taken before the mutex of the limiter or of the reserves
  std::atomic<bool> closing_{false};  // no worker is called any more; written under `calling_`
  bool joined_ = false;               // used by the reader

  mutable std::mutex mutex_;  // guards what follows
  std_primitives::condition_variable woken_;
  std::exception_ptr breakage_;
  std::stop_source* arrival_ = nullptr;  // ends the reader's wait for a slot

  stop_for_tasks stop_for_tasks_;
  std::atomic<bool> broken_{false};  // there is a `breakage_`

  // Used by the reader: see nap.
  std::size_t nap_ahead_ = 0;
  std::size_t naps_off_ = 0;
  bool quick_ = false;
  std::size_t last_number_ = 0;
  clock::time_point last_time_ = clock::now();
};

}  // namespace fanout::detail
