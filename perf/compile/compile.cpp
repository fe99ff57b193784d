// The question: how long does a compiler need for a program that runs a batch of functions, by what it includes? The
// programs are in units/, each does the same work as the others. The time is the processor's, the compiler's own
// processes included: one thread works, and what else the machine does counts less.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

extern char** environ;  // NOLINT: POSIX says that a program declares it itself

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

/// How long a command took, or -1 if it failed.
double run(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (std::string& each : command) arguments.push_back(each.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) return -1;
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return -1;
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// An empty file that is gone in the end.
class temporary_file {
 public:
  temporary_file() {
    const char* const directory = std::getenv("TMPDIR");
    path_ = std::string(directory != nullptr ? directory : "/tmp") + "/fanout-compile-XXXXXX";
    const int file = mkstemp(path_.data());
    if (file >= 0) close(file);
  }
  temporary_file(const temporary_file&) = delete;
  ~temporary_file() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Directories, with colons in between.
std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    if (end != begin) parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

void enter(const std::string& name, const std::string& unit) {
  benchmark::RegisterBenchmark(
      ("batch_of_functions/" + name).c_str(),
      [unit](benchmark::State& state) {
        const temporary_file object;
        std::vector<std::string> command{FANOUT_COMPILER, FANOUT_STANDARD_OPTION, "-O2"};
        for (const std::string& directory : split(FANOUT_INCLUDE_DIRECTORIES)) command.push_back("-I" + directory);
        command.insert(command.end(), {"-c", std::string(FANOUT_COMPILE_UNITS "/") + unit, "-o", object.path()});
        for (auto _ : state) {
          const double took = run(command);
          if (took < 0) return state.SkipWithError("the compiler fails");
          state.SetIterationTime(took);
        }
      })
      ->UseManualTime()
      ->Iterations(1);
}

const bool entered = [] {
  enter("fanout", "fanout.cpp");
  enter("fanout_again", "fanout.cpp");  // the same once more: what it differs by is noise
  enter("oneapi_tbb", "tbb.cpp");
  enter("oneapi_parallel_for", "parallel_for.cpp");
  enter("standard_library", "standard_library.cpp");
  return true;
}();

}  // namespace
