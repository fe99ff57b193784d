#include "workloads/command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stop_token>
#include <system_error>
#include <utility>

#include "text_output.hpp"
#include "workloads/checksum.hpp"

extern char** environ;  // NOLINT: POSIX says that a program declares it itself

namespace tool {
namespace {

/// How a command is started: in a process group of its own, which can be killed as a whole, with the signals as they
/// were before this program changed them.
class spawn_settings {
 public:
  spawn_settings() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  spawn_settings(const spawn_settings&) = delete;
  spawn_settings& operator=(const spawn_settings&) = delete;
  ~spawn_settings() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }

  /// Returns the error number, 0 for none.
  int start(pid_t& child, std::vector<std::string> words) const {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    return posix_spawnp(&child, arguments[0], &actions_, &attributes_, arguments.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// Waits for the end of a process. The number is its own until it is collected, and the stop can kill nobody else then.
int wait_for_end(pid_t child, const std::stop_token& stop) {
  {
    const std::stop_callback on_stop(stop, [child] { kill(-child, SIGKILL); });
    siginfo_t information{};
    while (waitid(P_PID, static_cast<id_t>(child), &information, WEXITED | WNOWAIT) == -1 && errno == EINTR) {
    }
  }
  int status = 0;
  while (waitpid(child, &status, 0) == -1 && errno == EINTR) {
  }
  return status;
}

}  // namespace

command_workload::command_workload(std::string command, command_template words, std::string list,
                                   std::vector<list_line> lines)
    : command_(std::move(command)), words_(std::move(words)), list_(std::move(list)), lines_(std::move(lines)) {}

std::string command_workload::summary() const { return fmt::format("{} for {} lines of {}", command_, lines_.size(), list_); }

parameters command_workload::description() const { return {{"command", command_}, {"input_list", list_}}; }

std::string command_workload::task_name(std::size_t index) const { return lines_[index].text; }

std::string command_workload::failure(std::size_t index, const std::string& what) const {
  return fmt::format("the command for line {} of {} ('{}') {}", lines_[index].number, one_line(list_),
                     one_line(lines_[index].text), what);
}

std::uint64_t command_workload::run(std::size_t index, const std::stop_token& stop) const {
  static const spawn_settings settings;
  pid_t child = 0;
  if (const int error = settings.start(child, words_.words_for(lines_[index].text)); error != 0) {
    throw command_error(failure(index, "could not be started: " + std::generic_category().message(error)));
  }
  const int status = wait_for_end(child, stop);
  if (!stop.stop_requested()) {
    if (WIFSIGNALED(status)) {
      throw command_error(failure(index, fmt::format("was ended by signal {}", WTERMSIG(status))));
    }
    if (const int code = WEXITSTATUS(status); code != 0) {
      throw command_error(failure(index, fmt::format("ended with exit status {}", code)));
    }
  }
  return combine(index, 0);
}

std::vector<list_line> read_lines(const std::string& path) {
  if (path == "-") return read_lines(std::cin, path);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw input_error(path, std::generic_category().message(errno != 0 ? errno : EIO));
  return read_lines(file, path);
}

std::vector<list_line> read_lines(std::istream& input, const std::string& name) {
  std::vector<list_line> lines;
  std::string text;
  for (std::size_t number = 1; std::getline(input, text); ++number) {
    // It would end the argument: of a list that `find -print0` wrote, the command would see the first name alone.
    if (text.find('\0') != std::string::npos) {
      throw input_error(name, fmt::format("line {} has a null character, which no argument can hold", number));
    }
    if (!text.empty()) lines.push_back({number, text});
  }
  if (input.bad()) throw input_error(name, "cannot be read to its end");
  return lines;
}

}  // namespace tool
