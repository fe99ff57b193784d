#include <csignal>
#include <exception>
#include <new>
#include <string>

#include "command_line.hpp"
#include "compare_command.hpp"
#include "exit_status.hpp"
#include "text_output.hpp"
#include "tune_command.hpp"

namespace {

constexpr const char* description = "Measure how fanout schedules work on this machine";
constexpr const char* footer =
    "Examples:\n"
    "  fanout compare --workload compress --input /usr/share/doc\n"
    "  fanout tune --workload compress --report report.html\n"
    "  fanout tune --help";

tool::exit_status run(int argc, char** argv) {
  CLI::App program(description, "fanout");
  program.set_version_flag("--version", "fanout " FANOUT_VERSION);
  program.footer(footer);
  const tool::compare_command compare(program);
  const tool::tune_command tune(program);

  try {
    if (const auto text = tool::parse_arguments(program, argc, argv)) {
      tool::write_to_stdout(*text);
      return tool::succeeded;
    }
    // Not left to CLI11, which would tell somebody who mistyped the subcommand that it is missing.
    if (compare.chosen()) return compare.run();
    if (tune.chosen()) return tune.run(tool::command_line_of(argc, argv));
    throw tool::usage_error("a subcommand is needed: compare or tune");
  } catch (const tool::usage_error& error) {
    const std::string command = compare.chosen() ? "fanout compare" : tune.chosen() ? "fanout tune" : "fanout";
    throw tool::usage_error(std::string(error.what()) + " (see " + command + " --help)");
  }
}

}  // namespace

int main(int argc, char** argv) {
  // A closed pipe is an error of the write, which is told as such, instead of a silent end.
  signal(SIGPIPE, SIG_IGN);
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
