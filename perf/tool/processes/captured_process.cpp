#include "processes/captured_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>
#include <utility>

#include "descriptor.hpp"
#include "processes/process_trees.hpp"

namespace tool {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct pipe_ends {
  descriptor commands;
  descriptor tools;
};

pipe_ends make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  return {descriptor(ends[1]), descriptor(ends[0])};
}

/// A descriptor that becomes readable when the process ends; none before Linux 5.3.
descriptor open_process(pid_t process) {
  return descriptor(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
}

/// The processes that were asked to end with a command, all but the command itself.
class asked_processes {
 public:
  /// Asks the command and them. Not by `signal_trees`, which first stops them all: parents may notice that.
  void ask(pid_t command) {
    const std::vector<pid_t> descendants = descendants_of({command});
    for (const pid_t each : descendants) others_.push_back(open_process(each));
    // SIGCONT, because a process that is stopped does not see the other.
    for (const int signal : {SIGTERM, SIGCONT}) {
      kill(-command, signal);
      if (getpgid(command) != command) kill(command, signal);
      for (const pid_t each : descendants) {
        if (getpgid(each) != command) kill(each, signal);
      }
    }
  }

  /// Whether all of them have ended.
  bool have_ended() const {
    return std::all_of(others_.begin(), others_.end(), [](const descriptor& each) {
      pollfd process{each.get(), POLLIN, 0};
      return !each.is_open() || poll(&process, 1, 0) > 0;
    });
  }

  /// By their descriptors: another process may have the number of one that has ended.
  void kill_all() const {
    for (const descriptor& each : others_) {
      if (each.is_open()) syscall(SYS_pidfd_send_signal, each.get(), SIGKILL, nullptr, 0);
    }
  }

 private:
  std::vector<descriptor> others_;
};

/// Waits for a command that runs.
class capture {
 public:
  capture(pid_t child, descriptor out, descriptor err, const captured_limits& limits, output_listener& listener,
          std::span<char> memory)
      : child_(child),
        process_(open_process(child)),
        out_(std::move(out)),
        err_(std::move(err)),
        limits_(limits),
        listener_(listener),
        memory_(memory) {}

  /// Returns when the command has ended, and nothing more is to be read. Does not collect it.
  void wait() {
    while (true) {
      const auto now = clock::now();
      end_what_has_to(now);
      if (ended_ && (is_complete() || now >= patience_ends_)) break;
      read_some(now);
      if (!ended_ && has_ended(child_, /*wait=*/false, stopped_by_)) {
        ended_ = true;
        if (why_ == captured_end::reason::its_own) patience_ends_ = clock::now() + limits_.grace;
      }
      listener_.on_tick();
    }
    kill(-child_, SIGKILL);  // what it has left behind
    asked_.kill_all();
    read_the_rest();
  }

  captured_end::reason why() const { return why_; }
  std::optional<int> stopped_by() const { return stopped_by_; }

 private:
  /// Whether nothing of the command is left that could do something yet.
  bool is_complete() const {
    if (why_ != captured_end::reason::its_own) return killed_ || asked_.have_ended();
    return !out_.is_open() && !err_.is_open();
  }

  void end_what_has_to(clock::time_point now) {
    if (why_ == captured_end::reason::its_own) {
      const bool requested = limits_.stop.stop_requested();
      if (ended_ && requested) patience_ends_ = now;  // with what it has left behind
      if (ended_ || (!requested && now < limits_.end)) return;
      patience_ends_ = now + limits_.grace;
      why_ = requested ? captured_end::reason::requested : captured_end::reason::limit;
      asked_.ask(child_);
    } else if (!ended_ && now >= patience_ends_) {
      signal_trees({child_}, SIGKILL);
      patience_ends_ = clock::time_point::max();
      killed_ = true;
    }
  }

  /// Waits for output, for the end of the command, for a limit, or for a tick, and reads what there is.
  void read_some(clock::time_point now) {
    auto until = std::min(now + 100ms, patience_ends_);
    if (why_ == captured_end::reason::its_own && !ended_) until = std::min(until, limits_.end);
    // What was asked to end is looked at more often, because no descriptor tells of all of it.
    if (why_ != captured_end::reason::its_own && ended_) until = std::min(until, now + 5ms);
    const auto time = std::chrono::ceil<std::chrono::milliseconds>(std::max(until - now, clock::duration::zero()));
    poll_and_read(static_cast<int>(time.count()));
  }

  /// Returns whether something was read.
  bool poll_and_read(int milliseconds) {
    // poll() skips negative numbers: closed ones.
    std::array<pollfd, 3> waiting{pollfd{out_.get(), POLLIN, 0}, pollfd{err_.get(), POLLIN, 0},
                                  pollfd{ended_ ? -1 : process_.get(), POLLIN, 0}};
    if (poll(waiting.data(), waiting.size(), milliseconds) <= 0) return false;
    const bool some_out = waiting[0].revents != 0 && read_from(out_, output_stream::out);
    const bool some_err = waiting[1].revents != 0 && read_from(err_, output_stream::err);
    return some_out || some_err;
  }

  bool read_from(descriptor& pipe, output_stream stream) {
    const ssize_t count = read(pipe.get(), memory_.data(), memory_.size());
    if (count > 0) {
      listener_.on_output(stream, {memory_.data(), static_cast<std::size_t>(count)});
    } else if (count == 0 || errno != EINTR) {
      pipe.reset();
    }
    return count > 0;
  }

  /// What the pipes still hold. Ends, although a process that left the group may go on writing.
  void read_the_rest() {
    constexpr int most = 1024;
    for (int i = 0; i != most && (out_.is_open() || err_.is_open()) && poll_and_read(0); ++i) {
    }
  }

  const pid_t child_;
  const descriptor process_;
  descriptor out_;
  descriptor err_;
  const captured_limits& limits_;
  output_listener& listener_;
  const std::span<char> memory_;

  asked_processes asked_;
  captured_end::reason why_ = captured_end::reason::its_own;
  std::optional<int> stopped_by_;
  bool ended_ = false;
  bool killed_ = false;
  clock::time_point patience_ends_ = clock::time_point::max();
};

}  // namespace

captured_end run_captured(process_groups& groups, captured_start start, const captured_limits& limits,
                          output_listener& listener, std::span<char> memory) {
  std::vector<char*> pointers;
  pointers.reserve(start.words.size() + 1);
  for (std::string& word : start.words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  raise_limit_of_open_files();
  pipe_ends out = make_pipe();
  pipe_ends err = make_pipe();

  process_groups::place place(groups);
  const pid_t child = start_program(place, {.program = start.program.c_str(),
                                            .words = pointers.data(),
                                            .input = start.input.c_str(),
                                            .output = out.commands.get(),
                                            .errors = err.commands.get()});
  out.commands.reset();
  err.commands.reset();

  try {
    capture running(child, std::move(out.tools), std::move(err.tools), limits, listener, memory);
    running.wait();
    place.release();
    return {collect_program(child, running.stopped_by()), running.why()};
  } catch (...) {  // std::bad_alloc
    kill(-child, SIGKILL);
    place.release();
    collect_program(child, std::nullopt);
    throw;
  }
}

}  // namespace tool
