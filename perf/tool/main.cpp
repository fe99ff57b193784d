#include <csignal>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include "command_line.hpp"
#include "compare_command.hpp"
#include "exit_status.hpp"
#include "text_output.hpp"
#include "tune_command.hpp"
#include "workloads/command_template.hpp"

namespace {

constexpr const char* description = "Measure how fanout schedules work on this machine";
constexpr const char* footer =
    "Examples:\n"
    "  fanout compare --workload compress --input /usr/share/doc\n"
    "  fanout tune --workload compress --report report.html\n"
    "  fanout tune --help";

/// What CLI11 says of wrong arguments, in our words where its own are hard to read: "--level: 1 required N missing",
/// "no-progress was given a disallowed flag override".
std::string wording_of(const CLI::ParseError& error) {
  std::string text = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) == nullptr) return text;
  if (text.ends_with(" missing")) return text.substr(0, text.find(':')) + " needs a value";
  if (text.ends_with(" disallowed flag override")) return "--" + text.substr(0, text.find(' ')) + " takes no value";
  return text;
}

/// The command as one would type it again.
std::string command_line_of(int argc, char** argv) {
  std::string line = "fanout";
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool plain = !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                               "0123456789-_=./,:+%") == std::string_view::npos;
    line += ' ';
    line += plain ? std::string(word) : tool::quoted_for_shell(word);
  }
  return line;
}

/// False after `--help` or `--version`, whose text is written then: nothing is left to do.
bool parse(CLI::App& program, int argc, char** argv) try {
  program.parse(argc, argv);
  return true;
} catch (const CLI::CallForVersion& version) {
  tool::write_to_stdout(std::string(version.what()) + "\n");
  return false;
} catch (const CLI::CallForHelp&) {
  tool::write_to_stdout(program.help());
  return false;
} catch (const CLI::ParseError& error) {
  throw tool::usage_error(wording_of(error));
}

tool::exit_status run(int argc, char** argv) {
  CLI::App program(description, "fanout");
  program.set_version_flag("--version", "fanout " FANOUT_VERSION);
  program.footer(footer);
  const tool::compare_command compare(program);
  const tool::tune_command tune(program);

  try {
    if (!parse(program, argc, argv)) return tool::succeeded;
    // Not left to CLI11, which would tell somebody who mistyped the subcommand that it is missing.
    if (compare.chosen()) return compare.run();
    if (tune.chosen()) return tune.run(command_line_of(argc, argv));
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
