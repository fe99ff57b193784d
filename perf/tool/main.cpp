#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <new>
#include <string>

#include "command_line.hpp"
#include "compare_command.hpp"
#include "exit_status.hpp"
#include "interrupt.hpp"
#include "run/run_subcommand.hpp"
#include "text_output.hpp"
#include "tune_command.hpp"

namespace {

constexpr const char* description = "Run commands in parallel, and measure how fanout schedules work on this machine";
constexpr const char* footer =
    "Examples:\n"
    "  find . -name '*.log' | fanout run --command 'zstd -q {}' --input-list -\n"
    "  fanout compare --workload compress --input /usr/share/doc\n"
    "  fanout tune --workload compress --report report.html\n"
    "  fanout tune --help";

tool::exit_status run(int argc, char** argv) {
  CLI::App program(description, "fanout");
  program.set_version_flag("--version", "fanout " FANOUT_VERSION);
  program.footer(footer);
  const tool::compare_command compare(program);
  const tool::tune_command tune(program);
  const tool::run_subcommand commands(program);

  try {
    if (const auto text = tool::parse_arguments(program, argc, argv)) {
      tool::write_to_stdout(*text);
      return tool::succeeded;
    }
    // Not left to CLI11, which would tell somebody who mistyped the subcommand that it is missing.
    if (compare.chosen()) return compare.run();
    if (tune.chosen()) return tune.run(tool::command_line_of(argc, argv));
    if (commands.chosen()) return commands.run();
    throw tool::usage_error("a subcommand is needed: compare, tune or run");
  } catch (const tool::usage_error& error) {
    const std::string command = compare.chosen()    ? "fanout compare"
                                : tune.chosen()     ? "fanout tune"
                                : commands.chosen() ? "fanout run"
                                                    : "fanout";
    throw tool::usage_error(std::string(error.what()) + " (see " + command + " --help)");
  }
}

tool::exit_status run_and_tell_errors(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const tool::usage_error& error) {
    tool::write_error_line(error.what());
    return tool::wrong_usage;
  } catch (const tool::interruption& error) {
    tool::write_error_line(error.what());
    return tool::interrupted;
  } catch (const std::bad_alloc&) {
    tool::write_error_line("out of memory");
    return tool::failed;
  } catch (const std::exception& error) {
    tool::write_error_line(error.what());
    return tool::failed;
  }
}

/// A file that is opened later must not get the number of a standard stream that the caller has closed. The file that
/// takes the place of the stream fails as the closed one would.
void fill_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) == -1) open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int main(int argc, char** argv) {
  fill_closed_streams();
  // A closed pipe, or a file above the limit (`ulimit -f`), is an error of the write, which is told as such, instead
  // of a silent end.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // If the caller ignores it, which the tool inherits, then the exit status of a command is lost.
  std::signal(SIGCHLD, SIG_DFL);
  const tool::exit_status status = run_and_tell_errors(argc, argv);
  if (status == tool::interrupted) tool::die_by(SIGINT);
  return status;
}
