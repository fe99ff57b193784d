#include "run/output_delivery.hpp"

#include <unistd.h>

#include <system_error>
#include <utility>

#include "text_output.hpp"

namespace tool {
namespace {

// What waits beyond this is in the spool: many small outputs may wait for one long command.
constexpr std::size_t most_in_memory = std::size_t{64} * 1024 * 1024;

std::size_t in_memory(const command_outputs& outputs) {
  return outputs.out.in_memory() + outputs.err.in_memory() + outputs.note.size();
}

}  // namespace

output_delivery::output_delivery(bool in_order, progress_bar& bar)
    : in_order_(in_order), writes_to_terminal_(isatty(STDOUT_FILENO) == 1), bar_(bar) {}

void output_delivery::write_in_turn(std::size_t index, command_outputs& outputs) {
  if (!in_order_ || turn_.load(std::memory_order_acquire) != index) return;
  write(outputs);
}

void output_delivery::keep(std::size_t index, command_outputs outputs) { add(index, std::move(outputs), false); }

void output_delivery::finish(std::size_t index, command_outputs outputs) {
  if (!in_order_) {
    drop(index);
    const std::lock_guard lock(writing_);
    return write(outputs);
  }
  add(index, std::move(outputs), true);
  std::unique_lock lock(mutex_);
  if (turn_.load(std::memory_order_relaxed) != index) return;
  // Other threads leave what they have in `waiting_` meanwhile, and need not wait for a slow reader.
  for (auto next = waiting_.find(index); next != waiting_.end() && next->second.ended;
       next = waiting_.find(turn_.load(std::memory_order_relaxed))) {
    const auto taken = waiting_.extract(next);
    waiting_in_memory_ -= in_memory(taken.mapped().outputs);
    lock.unlock();
    write(taken.mapped().outputs);
    lock.lock();
    turn_.fetch_add(1, std::memory_order_release);
  }
}

void output_delivery::finish_all() {
  for (auto& [index, each] : waiting_) write(each.outputs);
  waiting_.clear();
}

void output_delivery::drop(std::size_t index) {
  const std::lock_guard lock(mutex_);
  const auto before = waiting_.find(index);
  if (before == waiting_.end()) return;
  waiting_in_memory_ -= in_memory(before->second.outputs);
  waiting_.erase(before);
}

void output_delivery::add(std::size_t index, command_outputs&& outputs, bool ended) {
  drop(index);
  std::unique_lock lock(mutex_);
  const bool may_wait_long = turn_.load(std::memory_order_relaxed) != index;
  if (may_wait_long && waiting_in_memory_ + in_memory(outputs) > most_in_memory) {
    lock.unlock();
    outputs.out.leave_memory();
    outputs.err.leave_memory();
    lock.lock();
  }
  waiting_in_memory_ += in_memory(outputs);
  waiting_.emplace(index, waiting_outputs{std::move(outputs), ended});
}

void output_delivery::write(command_outputs& outputs) {
  if (outputs.out.empty() && outputs.err.empty() && outputs.note.empty()) return;
  const bool ends_line = outputs.err.ends_line() && (!writes_to_terminal_ || outputs.out.ends_line());
  bar_.write_beside(ends_line, [&] {
    outputs.out.flush(STDOUT_FILENO);
    try {
      outputs.err.flush(STDERR_FILENO);
    } catch (const std::system_error&) {
      outputs.err.clear();
    }
    if (!outputs.note.empty()) write_error_line(outputs.note);
  });
}

}  // namespace tool
