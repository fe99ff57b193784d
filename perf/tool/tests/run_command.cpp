#include "run_command.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "descriptor.hpp"

namespace tool {
namespace {

constexpr int could_not_start = 125;

/// What the program writes into `inner` comes out of `outer`.
struct channel {
  descriptor outer;
  descriptor inner;
};

int required(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + " failed");
  return result;
}

channel make_pipe() {
  std::array<int, 2> ends{};
  required(pipe2(ends.data(), O_CLOEXEC), "pipe2");
  return {descriptor(ends[0]), descriptor(ends[1])};
}

channel make_terminal() {
  descriptor outer(required(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt"));
  required(grantpt(outer.get()), "grantpt");
  required(unlockpt(outer.get()), "unlockpt");
  descriptor inner(required(open(ptsname(outer.get()), O_RDWR | O_NOCTTY | O_CLOEXEC), "open of a terminal"));
  return {std::move(outer), std::move(inner)};
}

channel make_stdout(const command_setting& setting) {
  if (!setting.stdout_path.empty()) {
    return {descriptor(), descriptor(required(open(setting.stdout_path.c_str(), O_WRONLY | O_CLOEXEC), "open"))};
  }
  channel result = make_pipe();
  if (setting.stdout_is_closed_pipe) result.outer.reset();
  return result;
}

bool give_up(unsigned long capability) {
  return prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 0 || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0;
}

[[noreturn]] void become_the_program(const std::vector<std::string>& arguments, const command_setting& setting,
                                     int out, int err) {
  std::vector<char*> argv{const_cast<char*>("fanout")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  // As a shell would start it, however the tests were started.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGINT, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  setenv("TERM", setting.terminal_type.c_str(), 1);

  const bool ready =
      dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0 &&
      (!setting.permissions_count || geteuid() != 0 || (give_up(CAP_DAC_OVERRIDE) && give_up(CAP_DAC_READ_SEARCH)));
  if (ready && setting.before_start) setting.before_start();
  if (ready) execv(FANOUT_TOOL, argv.data());
  _exit(could_not_start);
}

/// Appends what can be read; closes at the end, which a terminal without a writer reports as EIO.
void read_some(descriptor& from, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t count = read(from.get(), buffer.data(), buffer.size());
  if (count > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    from.reset();
  }
}

void capture(descriptor& out, descriptor& err, pid_t process, const command_setting& setting,
             command_result& result) {
  while (out.is_open() || err.is_open()) {
    // poll() skips negative numbers: closed ones.
    std::array<pollfd, 2> waiting{pollfd{out.get(), POLLIN, 0}, pollfd{err.get(), POLLIN, 0}};
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[0].revents != 0) read_some(out, result.out);
    if (waiting[1].revents != 0) {
      read_some(err, result.err);
      if (setting.on_stderr) setting.on_stderr(process, result.err);
    }
  }
}

int wait_for(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

std::vector<std::string> command_result::error_lines() const {
  std::vector<std::string> lines;
  std::istringstream text(err);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

command_result run_command(const std::vector<std::string>& arguments, const command_setting& setting) {
  channel out = make_stdout(setting);
  channel err = setting.stderr_is_terminal ? make_terminal() : make_pipe();
  const pid_t process = required(fork(), "fork");
  if (process == 0) become_the_program(arguments, setting, out.inner.get(), err.inner.get());
  out.inner.reset();
  err.inner.reset();
  command_result result;
  capture(out.outer, err.outer, process, setting, result);
  result.exit_code = wait_for(process);
  return result;
}

bool permissions_can_count() {
  command_setting setting;
  setting.permissions_count = true;
  return run_command({"--version"}, setting).exit_code == 0;
}

}  // namespace tool
