#include "processes/program.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

#include "processes/blocked_signals.hpp"
#include "processes/process_trees.hpp"

namespace tool {
namespace {

/// The limit of open files that the tool was started with.
const rlimit& limit_of_open_files() {
  static const rlimit limit = [] {
    rlimit original{};
    getrlimit(RLIMIT_NOFILE, &original);
    const rlimit raised{original.rlim_max, original.rlim_max};
    setrlimit(RLIMIT_NOFILE, &raised);
    return original;
  }();
  return limit;
}

/// What the new process needs to become the command, and the error if it does not.
struct start_plan {
  const program_start& start;
  const rlimit& open_files;
  process_groups::place& place;
  pid_t tool;
  // Volatile, because the new process writes it and this one reads it: the compiler takes a value that is written
  // just before _exit() for one that nobody reads.
  volatile int error = 0;
};

bool has_streams(const program_start& start) noexcept {
  const int input = open(start.input, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  return input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(start.output, STDOUT_FILENO) >= 0 &&
         (start.errors < 0 || dup2(start.errors, STDERR_FILENO) >= 0);
}

/// In the new process of vfork(), which shares all memory with the tool: it makes system calls only.
[[noreturn]] void become_the_command(start_plan& plan) noexcept {
  setpgid(0, 0);
  plan.place.claim(getpid());
  // In case the keeper is killed with the tool. The signal comes when the thread that called vfork() ends, and that
  // thread waits for this process.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.tool) _exit(EXIT_FAILURE);

  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (const int signal : {SIGPIPE, SIGXFSZ}) sigaction(signal, &standard, nullptr);  // main() ignores them
  sigset_t none;
  sigemptyset(&none);
  if (has_streams(plan.start) && setrlimit(RLIMIT_NOFILE, &plan.open_files) == 0) {
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execvp(plan.start.program, plan.start.words);
  }
  plan.error = errno;
  _exit(EXIT_FAILURE);
}

}  // namespace

void raise_limit_of_open_files() { limit_of_open_files(); }

pid_t start_program(process_groups::place& place, const program_start& start) {
  start_plan plan{.start = start, .open_files = limit_of_open_files(), .place = place, .tool = getpid()};
  pid_t child = -1;
  {
    // A signal handler in the new process would change the memory of the tool.
    const blocked_signals blocked;
    // posix_spawn cannot claim the group in the new process, nor ask for a signal at the end of the tool. fork copies
    // the page tables of the tool, which takes longer than many commands.
    child = vfork();                           // NOLINT(clang-analyzer-security.insecureAPI.vfork)
    if (child == 0) become_the_command(plan);  // NOLINT(clang-analyzer-unix.Vfork): it ends in exec or _exit
    if (child < 0) plan.error = errno;
    place.started();
    if (child > 0 && plan.error != 0) {
      place.release();
      while (waitpid(child, nullptr, 0) == -1 && errno == EINTR) {
      }
    }
  }
  if (plan.error != 0) throw std::system_error(plan.error, std::generic_category());
  return child;
}

bool has_ended(pid_t child, bool wait, std::optional<int>& stopped_by) {
  siginfo_t state{};
  if (waitid(P_PID, static_cast<id_t>(child), &state, WEXITED | WSTOPPED | WNOWAIT | (wait ? 0 : WNOHANG)) != 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "cannot wait for a process");
    return false;
  }
  if (state.si_pid == 0) return false;
  if (state.si_code != CLD_STOPPED) return true;
  siginfo_t taken{};  // what has been told of a stop is not told again
  waitid(P_PID, static_cast<id_t>(child), &taken, WSTOPPED | WNOHANG);
  if (state.si_status != SIGSTOP) {
    stopped_by = state.si_status;
    signal_trees({child}, SIGKILL);
  }
  return false;
}

command_end collect_program(pid_t child, std::optional<int> stopped_by) {
  int status = 0;
  rusage use{};
  while (wait4(child, &status, 0, &use) == -1 && errno == EINTR) {
  }
  const std::uint64_t peak = static_cast<std::uint64_t>(use.ru_maxrss) * 1024;
  if (stopped_by) return {command_end::kind::stopped, *stopped_by, peak};
  if (WIFSIGNALED(status)) return {command_end::kind::killed, WTERMSIG(status), peak};
  return {command_end::kind::exited, WEXITSTATUS(status), peak};
}

}  // namespace tool
