#include "run/command_batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <fanout/fanout.hpp>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

#include "processes/captured_process.hpp"
#include "run/command_failed.hpp"
#include "run/engine_options.hpp"
#include "run/output_delivery.hpp"
#include "text_output.hpp"
#include "workloads/command.hpp"

namespace tool {
namespace {

using clock = std::chrono::steady_clock;
using state = command_record::state;

constexpr std::size_t read_at_once = std::size_t{64} * 1024;  // what a pipe holds

clock::time_point after(clock::time_point now, std::optional<std::chrono::nanoseconds> time) {
  return time ? now + *time : clock::time_point::max();
}

class batch {
 public:
  batch(const run_settings& settings, process_groups& groups, const std::stop_token& stop, progress_bar& bar)
      : settings_(settings),
        groups_(groups),
        bar_(bar),
        pass_on_(stop, [this] { stop_.request_stop(); }),
        end_(after(begin_, settings.timeout)),
        delivery_(!settings.as_completed, bar),
        records_(settings.list.lines.size()),
        memory_(settings.concurrency) {}

  run_result run();

 private:
  /// Hands what a command writes to the batch.
  class listener;

  void run_one(const fanout::task_context& context);
  captured_end run_process_of(std::size_t index, const captured_limits& limits, command_outputs& outputs,
                              std::span<char> memory);
  void judge(command_record& record, const captured_end& end, bool limit_is_its_own) const;
  void hand_over(std::size_t index, unsigned attempt, bool worth_again, command_outputs outputs);
  void show_end(bool failed);
  std::span<char> memory_of(std::size_t runner);

  /// Keeps the exception that is being handled, and stops the batch: what cannot be written is not worth making.
  void fail() noexcept;

  const run_settings& settings_;
  process_groups& groups_;
  progress_bar& bar_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> pass_on_;
  const clock::time_point begin_ = clock::now();
  const clock::time_point end_;
  output_spool spool_;
  output_delivery delivery_;

  // An element is written by the task of its index and read when the batch has ended; the engine orders attempts.
  std::vector<command_record> records_;
  // An element belongs to the runner of its number.
  std::vector<std::unique_ptr<char[]>> memory_;  // NOLINT(modernize-avoid-c-arrays)

  std::atomic<std::size_t> failures_{0};  // relaxed: it is shown, and read when the batch has ended
  std::mutex mutex_;                      // guards fault_
  std::string fault_;
};

class batch::listener final : public output_listener {
 public:
  listener(batch& owner, std::size_t index, command_outputs& outputs)
      : owner_(owner), index_(index), outputs_(outputs) {}

  void on_output(output_stream stream, std::string_view bytes) noexcept override try {
    if (!lost_) (stream == output_stream::out ? outputs_.out : outputs_.err).append(bytes);
  } catch (...) {
    lose();
  }

  void on_tick() noexcept override try {
    // With retries nobody knows yet whether this attempt is the one that counts.
    if (owner_.settings_.retry == 0 && !lost_) owner_.delivery_.write_in_turn(index_, outputs_);
  } catch (...) {
    lose();
  }

 private:
  void lose() noexcept {
    lost_ = true;
    owner_.fail();
  }

  batch& owner_;
  const std::size_t index_;
  command_outputs& outputs_;
  bool lost_ = false;
};

run_result batch::run() {
  const fanout::executor executor({.concurrency = settings_.concurrency, .adaptive = settings_.adaptive});
  static_cast<void>(executor.settle_map(  // the records say more
      records_.size(), [this](std::size_t, const fanout::task_context& context) { run_one(context); },
      engine_options(settings_, stop_.get_token())));
  if (fault_.empty()) {
    try {
      delivery_.finish_all();
    } catch (...) {
      fail();
    }
  }
  run_result result{.records = std::move(records_), .wall = clock::now() - begin_, .fault = fault_};
  const auto have = [&](state wanted) {
    return std::any_of(result.records.begin(), result.records.end(),
                       [=](const command_record& each) { return each.ended == wanted; });
  };
  const std::size_t most = settings_.stop_after_failures;
  result.had_enough = most != 0 && failures_.load(std::memory_order_relaxed) >= most && have(state::not_started);
  result.time_over = !stop_.stop_requested() && clock::now() >= end_ &&
                     (have(state::stopped) || (have(state::not_started) && !result.had_enough));
  return result;
}

void batch::run_one(const fanout::task_context& context) {
  const std::size_t index = context.index();
  const clock::time_point now = clock::now();
  if (now >= end_) return;  // the engine knows it a little later than commands that have ended for it
  command_record& record = records_[index];
  record.attempts = context.attempt();
  command_outputs outputs(spool_);
  const clock::time_point own_end = after(now, settings_.task_timeout);
  bool worth_again = true;
  try {
    const captured_limits limits{
        .end = std::min(own_end, end_), .grace = settings_.grace, .stop = stop_.get_token()};
    judge(record, run_process_of(index, limits, outputs, memory_of(context.runner())), own_end <= end_);
  } catch (const std::system_error& error) {
    record.ended = state::failed;
    record.what = fmt::format("could not be started: {}", short_line(error.what()));
    worth_again = may_start_later(error.code().value());
  } catch (const std::exception& error) {
    record.ended = state::failed;
    record.what = fmt::format("could not be run: {}", short_line(error.what()));
  }
  const bool failed = record.ended == state::failed || record.ended == state::timed_out;
  if (failed) {
    outputs.note = fmt::format("the command for {} {}", name_of(settings_.list.lines[index]), record.what);
    if (record.attempts > 1) outputs.note += fmt::format(", in attempt {}", record.attempts);
  }
  const bool may_be_tried_again = failed && worth_again && record.attempts <= settings_.retry;
  try {
    if (may_be_tried_again) {
      delivery_.keep(index, std::move(outputs));
    } else {
      delivery_.finish(index, std::move(outputs));
    }
  } catch (...) {
    fail();
  }
  if (!may_be_tried_again) show_end(failed);
  if (failed) throw command_failed(worth_again);
}

captured_end batch::run_process_of(std::size_t index, const captured_limits& limits, command_outputs& outputs,
                                   std::span<char> memory) {
  captured_start start{.words = settings_.words.words_for(settings_.list.lines[index].text, 1),
                       .program = settings_.program,
                       .input = settings_.input};
  if (start.program.empty()) start.program = start.words.front();
  listener written(*this, index, outputs);
  return run_captured(groups_, std::move(start), limits, written, memory);
}

void batch::judge(command_record& record, const captured_end& end, bool limit_is_its_own) const {
  using reason = captured_end::reason;
  if (end.why == reason::requested || (end.why == reason::limit && !limit_is_its_own)) {
    record.ended = state::stopped;
    record.what = "was stopped";
  } else if (end.why == reason::limit) {
    record.ended = state::timed_out;
    record.what = fmt::format("took longer than {:g} s",
                              std::chrono::duration<double>(*settings_.task_timeout).count());
  } else if (const auto what = complaint(end.end)) {
    record.ended = state::failed;
    record.what = *what;
  } else {
    record.ended = state::succeeded;
    record.what.clear();
  }
}

void batch::show_end(bool failed) {
  const std::size_t failures =
      failed ? failures_.fetch_add(1, std::memory_order_relaxed) + 1 : failures_.load(std::memory_order_relaxed);
  bar_.advance();
  if (failed) bar_.describe(fmt::format("{} failed", failures));
}

std::span<char> batch::memory_of(std::size_t runner) {
  auto& memory = memory_[runner];
  if (!memory) memory = std::make_unique_for_overwrite<char[]>(read_at_once);  // NOLINT(modernize-avoid-c-arrays)
  return {memory.get(), read_at_once};
}

void batch::fail() noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (fault_.empty()) {
      try {
        throw;
      } catch (const std::exception& error) {
        fault_ = error.what();
      }
    }
  } catch (...) {
    // There is no memory for the text; the stop alone tells of it.
  }
  stop_.request_stop();
}

}  // namespace

run_result run_commands(const run_settings& settings, process_groups& groups, const std::stop_token& stop,
                        progress_bar& bar) {
  return batch(settings, groups, stop, bar).run();
}

std::string name_of(const list_line& line) {
  const std::string text = fmt::format("'{}'", short_line(line.text));
  return line.number == 0 ? text : fmt::format("{} (line {})", text, line.number);
}

}  // namespace tool
