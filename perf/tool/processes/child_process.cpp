#include "processes/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "descriptor.hpp"
#include "processes/blocked_signals.hpp"
#include "processes/process_trees.hpp"

namespace tool {
namespace {

[[noreturn]] void fail(int code, const std::string& what) {
  throw std::system_error(code, std::generic_category(), what);
}

int require(int result, const std::string& what) {
  if (result < 0) fail(errno, what);
  return result;
}

descriptor open_temporary_file() {
  const char* const named = std::getenv("TMPDIR");
  const bool by_user = named != nullptr && *named != '\0';
  const std::string directory = by_user ? named : "/tmp";
  const std::string what =
      "cannot write a temporary file in '" + directory + "'" + (by_user ? ", which TMPDIR names" : "");
  descriptor file(open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (file.is_open()) return file;
  if (errno != EOPNOTSUPP && errno != EISDIR) fail(errno, what);
  std::string name = directory + "/fanout-XXXXXX";  // for file systems without unnamed files
  file = descriptor(require(mkostemp(name.data(), O_CLOEXEC), what));
  unlink(name.c_str());
  return file;
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
    opened.commands_end = open_temporary_file();
  } else {
    std::array<int, 2> ends{};
    require(pipe2(ends.data(), O_CLOEXEC), "cannot make a pipe");
    opened.tools_end = descriptor(ends[0]);
    opened.commands_end = descriptor(ends[1]);
  }
  return opened;
}

/// The limit of open files that the tool was started with. Raises the limit for the tool itself, which needs two for
/// each command that writes into a pipe.
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
  char* const* words;
  const char* input;
  int output;
  const rlimit& open_files;
  process_groups::place& place;
  pid_t tool;
  int error = 0;
};

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
  const int input = open(plan.input, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(plan.output, STDOUT_FILENO) >= 0 &&
      setrlimit(RLIMIT_NOFILE, &plan.open_files) == 0) {
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execvp(plan.words[0], plan.words);
  }
  plan.error = errno;
  _exit(EXIT_FAILURE);
}

pid_t start(start_plan& plan) {
  // A signal handler in the new process would change the memory of the tool.
  const blocked_signals blocked;
  // posix_spawn cannot claim the group in the new process, nor ask for a signal at the end of the tool. fork copies
  // the page tables of the tool, which takes longer than many commands.
  const pid_t child = vfork();               // NOLINT(clang-analyzer-security.insecureAPI.vfork)
  if (child == 0) become_the_command(plan);  // NOLINT(clang-analyzer-unix.Vfork): it ends in exec or _exit
  if (child < 0) plan.error = errno;
  plan.place.started();
  if (child > 0 && plan.error != 0) {
    plan.place.release();
    while (waitpid(child, nullptr, 0) == -1 && errno == EINTR) {
    }
  }
  return child;
}

/// Waits for output of the command, for its end, or for 100 ms, and reads what there is. Closes the pipe at its end.
void read_some(descriptor& pipe, const descriptor& process, std::span<char> ignored) {
  std::array<pollfd, 2> waiting{pollfd{pipe.get(), POLLIN, 0}, pollfd{process.get(), POLLIN, 0}};
  if (poll(waiting.data(), waiting.size(), 100) <= 0 || waiting[0].revents == 0) return;
  const ssize_t count = read(pipe.get(), ignored.data(), ignored.size());
  if (count == 0 || (count < 0 && errno != EINTR)) pipe.reset();
}

/// Reads the pipe, if there is one, until the process ends. Does not collect the process: until that is done, no
/// other process can have its number. Returns the signal that stopped the process, if one did.
std::optional<int> wait_for_end(pid_t child, descriptor pipe) {
  // What the command leaves running may keep the pipe open, so its end alone does not tell. Before Linux 5.3 there is
  // no such descriptor, and the time-out of poll() takes its place.
  const descriptor process(pipe.is_open() ? static_cast<int>(syscall(SYS_pidfd_open, child, 0)) : -1);
  std::optional<int> stopped_by;
  // On the heap, because the stacks of the threads may be small (`ulimit -s`).
  constexpr std::size_t most_at_once = std::size_t{64} * 1024;
  const auto memory = std::make_unique_for_overwrite<char[]>(most_at_once);  // NOLINT(modernize-avoid-c-arrays)
  while (true) {
    if (pipe.is_open()) read_some(pipe, process, {memory.get(), most_at_once});
    siginfo_t state{};
    const int flags = WEXITED | WSTOPPED | WNOWAIT | (pipe.is_open() ? WNOHANG : 0);
    if (waitid(P_PID, static_cast<id_t>(child), &state, flags) != 0) {
      if (errno != EINTR) fail(errno, "cannot wait for a process");
      continue;
    }
    if (state.si_pid == 0) continue;
    if (state.si_code != CLD_STOPPED) return stopped_by;
    siginfo_t taken{};  // what has been told of a stop is not told again
    waitid(P_PID, static_cast<id_t>(child), &taken, WSTOPPED | WNOHANG);
    if (state.si_status == SIGSTOP) continue;
    stopped_by = state.si_status;
    signal_trees({child}, SIGKILL);
  }
}

command_end collect(pid_t child, std::optional<int> stopped_by) {
  int status = 0;
  rusage use{};
  while (wait4(child, &status, 0, &use) == -1 && errno == EINTR) {
  }
  const std::uint64_t peak = static_cast<std::uint64_t>(use.ru_maxrss) * 1024;
  if (stopped_by) return {command_end::kind::stopped, *stopped_by, peak};
  if (WIFSIGNALED(status)) return {command_end::kind::killed, WTERMSIG(status), peak};
  return {command_end::kind::exited, WEXITSTATUS(status), peak};
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
                        const std::stop_token& stop) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const rlimit& open_files = limit_of_open_files();
  opened_output output = open_output(streams.output);

  process_groups::place place(groups);
  start_plan plan{.words = pointers.data(),
                  .input = streams.input.c_str(),
                  .output = output.commands_end.get(),
                  .open_files = open_files,
                  .place = place,
                  .tool = getpid()};
  const pid_t child = start(plan);
  if (plan.error != 0) throw std::system_error(plan.error, std::generic_category());
  output.commands_end.reset();

  std::optional<int> stopped_by;
  {
    const std::stop_callback on_stop(stop, [child] { signal_trees({child}, SIGKILL); });
    stopped_by = wait_for_end(child, std::move(output.tools_end));
  }
  kill(-child, SIGKILL);  // what it has left behind
  place.release();
  return collect(child, stopped_by);
}

}  // namespace tool
