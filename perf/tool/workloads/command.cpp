#include "workloads/command.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <system_error>
#include <utility>

#include "text_output.hpp"
#include "workloads/checksum.hpp"

namespace tool {
std::optional<std::string> complaint(const command_end& end) {
  using kind = command_end::kind;
  if (end.how == kind::killed) return fmt::format("was ended by signal {}", end.number);
  if (end.how == kind::exited && end.number == 0) return std::nullopt;
  if (end.how == kind::exited) return fmt::format("ended with exit status {}", end.number);
  if (end.number == SIGTTIN) {
    return "wanted to read the terminal, which commands here cannot use; --stdin names a file that it can read";
  }
  if (end.number == SIGTTOU) {
    return "wanted to change the terminal, which other commands use at the same time, or to write to it after "
           "'stty tostop'";
  }
  return fmt::format("stopped itself by signal {}", end.number);
}

command_workload::command_workload(process_groups& groups, std::string command, command_template words,
                                   command_streams streams, command_list list, bool checks_output)
    : groups_(groups),
      command_(std::move(command)),
      words_(std::move(words)),
      streams_(std::move(streams)),
      list_(std::move(list)),
      checks_output_(checks_output) {}

std::string command_workload::summary() const {
  return fmt::format("{} for {} lines of {}", command_, list_.lines.size(), list_.name);
}

parameters command_workload::description() const { return {{"command", command_}, {"input_list", list_.name}}; }

std::string command_workload::task_name(std::size_t index) const { return list_.lines[index].text; }

std::string command_workload::failure(std::size_t index, const std::string& what) const {
  const list_line& line = list_.lines[index];
  return fmt::format("the command for line {} of {} ('{}') {}", line.number, one_line(list_.name),
                     short_line(line.text), what);
}

std::optional<std::uint64_t> command_workload::take_peak_memory() {
  return peak_memory_.exchange(0, std::memory_order_relaxed);
}

std::uint64_t command_workload::run(std::size_t index, const std::stop_token& stop) const try {
  piecewise_checksum output;
  std::function<void(std::span<const char>)> on_output;
  if (checks_output_) on_output = [&output](std::span<const char> piece) { output.add(piece); };
  const command_end end =
      run_process(groups_, words_.words_for(list_.lines[index].text, threads_), streams_, stop, on_output);
  for (std::uint64_t peak = peak_memory_.load(std::memory_order_relaxed);
       peak < end.peak_memory_bytes &&
       !peak_memory_.compare_exchange_weak(peak, end.peak_memory_bytes, std::memory_order_relaxed);) {
  }
  if (const auto what = complaint(end); what && !stop.stop_requested()) throw command_error(failure(index, *what));
  return combine(index, checks_output_ ? output.value() : 0);
} catch (const std::system_error& error) {
  const std::string program = words_.words_for(list_.lines[index].text, threads_).front();
  const std::string text =
      failure(index, fmt::format("could not be started: cannot run '{}': {}", short_line(program), error.what()));
  for (const int refusal : {EAGAIN, ENOMEM, EMFILE, ENFILE}) {
    if (error.code().value() == refusal) throw command_refused(text);
  }
  throw command_error(text);
}

}  // namespace tool
