#include "processes/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "descriptor.hpp"
#include "processes/process_trees.hpp"
#include "temporary_file.hpp"

namespace tool {
namespace {

[[noreturn]] void fail(int code, const std::string& what) {
  throw std::system_error(code, std::generic_category(), what);
}

int require(int result, const std::string& what) {
  if (result < 0) fail(errno, what);
  return result;
}

/// The standard output of a command, and the end of a pipe that must be read meanwhile, if there is one.
struct opened_output {
  descriptor commands_end;
  descriptor tools_end;
};

opened_output open_output(command_output output) {
  opened_output opened;
  if (output == command_output::null) {
    opened.commands_end = descriptor(require(open("/dev/null", O_WRONLY | O_CLOEXEC), "cannot open /dev/null"));
  } else if (output == command_output::file) {
    opened.commands_end = open_temporary_file(O_WRONLY);
  } else {
    std::array<int, 2> ends{};
    require(pipe2(ends.data(), O_CLOEXEC), "cannot make a pipe");
    opened.tools_end = descriptor(ends[0]);
    opened.commands_end = descriptor(ends[1]);
  }
  return opened;
}

using output_function = std::function<void(std::span<const char>)>;

/// Waits for output of the command, for its end, or for 100 ms, and reads what there is. Closes the pipe at its end.
/// Returns how much was read.
std::size_t read_some(descriptor& pipe, const descriptor& process, std::span<char> memory,
                      const output_function& on_output) {
  std::array<pollfd, 2> waiting{pollfd{pipe.get(), POLLIN, 0}, pollfd{process.get(), POLLIN, 0}};
  if (poll(waiting.data(), waiting.size(), 100) <= 0 || waiting[0].revents == 0) return 0;
  const ssize_t count = read(pipe.get(), memory.data(), memory.size());
  if (count == 0 || (count < 0 && errno != EINTR)) pipe.reset();
  if (count <= 0) return 0;
  if (on_output) on_output(memory.first(static_cast<std::size_t>(count)));
  return static_cast<std::size_t>(count);
}

/// Reads what the process had written before its end. No more than fits into the pipe: what it has left running may
/// write forever.
void read_rest(descriptor& pipe, const descriptor& process, std::span<char> memory, const output_function& on_output) {
  int left = fcntl(pipe.get(), F_GETPIPE_SZ);
  while (left > 0 && pipe.is_open()) {
    const std::size_t count = read_some(pipe, process, memory, on_output);
    if (count == 0) return;  // at once, because the process has ended
    left -= static_cast<int>(count);
  }
}

/// Reads the pipe, if there is one, until the process ends. Does not collect the process. Returns the signal that
/// stopped it, if one did.
std::optional<int> wait_for_end(pid_t child, descriptor pipe, const output_function& on_output) {
  // What the command leaves running may keep the pipe open, so its end alone does not tell. Before Linux 5.3 there is
  // no such descriptor, and the time-out of poll() takes its place.
  const descriptor process(pipe.is_open() ? static_cast<int>(syscall(SYS_pidfd_open, child, 0)) : -1);
  std::optional<int> stopped_by;
  // On the heap, because the stacks of the threads may be small (`ulimit -s`).
  constexpr std::size_t most_at_once = std::size_t{64} * 1024;
  const auto memory = std::make_unique_for_overwrite<char[]>(most_at_once);  // NOLINT(modernize-avoid-c-arrays)
  while (true) {
    if (pipe.is_open()) read_some(pipe, process, {memory.get(), most_at_once}, on_output);
    if (!has_ended(child, /*wait=*/!pipe.is_open(), stopped_by)) continue;
    if (on_output && pipe.is_open()) read_rest(pipe, process, {memory.get(), most_at_once}, on_output);
    return stopped_by;
  }
}

}  // namespace

void try_to_open(const command_streams& streams) {
  const std::string what = "cannot read '" + streams.input + "'";
  const std::filesystem::file_status input = std::filesystem::status(streams.input);
  if (is_directory(input)) fail(EISDIR, what);
  if (is_fifo(input)) throw std::runtime_error(what + ": it is a pipe, of which each command needs one of its own");
  const descriptor opened(require(open(streams.input.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY), what));
  open_output(streams.output);
}

command_end run_process(process_groups& groups, std::vector<std::string> words, const command_streams& streams,
                        const std::stop_token& stop, const output_function& on_output) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  raise_limit_of_open_files();
  opened_output output = open_output(streams.output);

  process_groups::place place(groups);
  const pid_t child = start_program(place, {.program = pointers[0],
                                            .words = pointers.data(),
                                            .input = streams.input.c_str(),
                                            .output = output.commands_end.get()});
  output.commands_end.reset();

  std::optional<int> stopped_by;
  {
    const std::stop_callback on_stop(stop, [child] { signal_trees({child}, SIGKILL); });
    stopped_by = wait_for_end(child, std::move(output.tools_end), on_output);
  }
  kill(-child, SIGKILL);  // what it has left behind
  place.release();
  return collect_program(child, stopped_by);
}

}  // namespace tool
