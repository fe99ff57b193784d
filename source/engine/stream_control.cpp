#include "fanout/detail/stream_control.hpp"

#include <stdexcept>
#include <string>

#include "engine/stream_run.hpp"
#include "fanout/detail/machine.hpp"
#include "fanout/error.hpp"
#include "fanout/limits.hpp"

namespace fanout::detail {
namespace {

constexpr std::size_t most_ahead = std::size_t{1} << 30U;

/// The look-ahead, from options that are checked here.
std::size_t look_ahead(const executor_core* executor, const stream_options& options) {
  const concurrency_limit& limit = options.concurrency;
  check_limit(limit);
  if (options.ahead > most_ahead)
    throw std::invalid_argument("ahead must be from 1 to 2^30, or 0 for twice the concurrency; got " +
                                std::to_string(options.ahead));
  return options.ahead != 0 ? options.ahead : 2 * most_mapped(executor, limit);
}

}  // namespace

std::size_t most_mapped(const executor_core* executor, const concurrency_limit& limit) {
  const std::size_t of_executor = executor != nullptr ? executor->limit() : available_concurrency();
  const std::size_t most = limit == automatic ? of_executor : limit == unlimited ? most_unlimited : limit.number();
  return executor != nullptr ? std::min(most, of_executor) : most;
}

stream_control::stream_control(executor_core* executor, const stream_options& options,
                               const stop_functions* stops)
    : batch_control(/*fenced=*/false, options.seed),
      capacity_(look_ahead(executor, options)),
      in_order_(options.order == delivery::in_order),
      run_(new stream_run(*this, executor, options, stops)) {
  most_workers_ = run_->most_workers();
  attendance_.open(capacity_, most_workers_);
  cores_ = available_concurrency();
}

stream_control::~stream_control() = default;
void stream_control::run_deleter::operator()(stream_run* run) const noexcept { delete run; }

std::stop_token stream_control::stop_token(const chunk&) { return run_->stop_token(); }
std::size_t stream_control::runner_of(const chunk& its_chunk) const noexcept { return run_->number_of(its_chunk); }
batch_progress stream_control::progress() const noexcept { return run_->progress(); }
void stream_control::cancel() noexcept { run_->cancel(); }
void stream_control::limit_time(std::chrono::nanoseconds timeout) { run_->limit_time(timeout); }
void stream_control::await(std::size_t number) { run_->await(number); }
void stream_control::stop_and_join() noexcept { run_->stop_and_join(); }
void stream_control::tell_tasks_to_stop() noexcept { run_->tell_tasks_to_stop(); }
void stream_control::wake_reader() noexcept { run_->wake_reader(); }
void stream_control::call_worker() noexcept { run_->call_worker(); }
void stream_control::rethrow_breakage() const { run_->rethrow_breakage(); }

void stream_control::throw_cancelled() const {
  const batch_progress at_end = progress();
  if (run_->is_out_of_time()) throw deadline_exceeded(at_end.completed, at_end.total);
  throw operation_cancelled(at_end.completed, at_end.total);
}

}  // namespace fanout::detail
