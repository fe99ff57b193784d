// The arguments of the tool, up to where a workload would run. An input is the arguments, one a line, then an empty line,
// then the lines of an --input-list. A null character, which no argument can hold, stands for a line end within one.

#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.hpp"
#include "compare_command.hpp"
#include "exit_status.hpp"
#include "fanout/fanout.hpp"
#include "fuzz.hpp"
#include "text_output.hpp"
#include "tune_command.hpp"
#include "workloads/command.hpp"

namespace {

using words = std::vector<std::string>;

/// Takes the arguments from the front of an input, and leaves the list.
words arguments_of(std::string_view& text) {
  words arguments;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) break;
    std::string argument(line);
    std::replace(argument.begin(), argument.end(), '\0', '\n');
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

void check_options(const fanout::tuning_options& options) {
  using namespace std::chrono_literals;
  fuzz::promise(options.budget >= 0ns && options.budget <= 24h, "a budget is up to a day");
  for (const std::size_t size : options.sizes) {
    fuzz::promise(size >= 1 && size <= fanout::max_concurrency(), "a size is some threads that there can be");
  }
}

/// What main() does before it runs anything.
void parse(const std::vector<const char*>& argv) {
  CLI::App program("description", "fanout");
  program.set_version_flag("--version", "fanout 0");
  const tool::compare_command compare(program);
  const tool::tune_command tune(program);
  try {
    if (tool::parse_arguments(program, static_cast<int>(argv.size()), argv.data())) return;
    if (tune.chosen()) check_options(tune.options());
  } catch (const tool::usage_error& error) {
    fuzz::promise(!fuzz::steers_a_terminal(tool::one_line(error.what()), false), "an error is one line of text");
  }
}

/// A command as a user would type it again means the same arguments.
void check_command_line(const std::vector<const char*>& argv) {
  words meant(argv.begin(), argv.end());
  meant.emplace_back("{}");
  const std::string typed = tool::command_line_of(static_cast<int>(argv.size()), argv.data());
  fuzz::promise(tool::command_template(typed + " {}", false).words_for("{}") == meant,
                "a command line that is typed again means the same");
}

std::vector<tool::list_line> lines_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  try {
    return tool::read_lines(stream, "list");
  } catch (const tool::input_error&) {
    fuzz::promise(text.find('\0') != text.npos, "only null characters make a list unreadable");
    return {};
  }
}

void check_template(const std::string& text, bool shell, const std::vector<tool::list_line>& lines) try {
  const tool::command_template command(text, shell);
  const words plain = command.words_for("x");
  fuzz::promise(!plain.empty(), "a command has a program");
  for (const tool::list_line& line : lines) {
    fuzz::promise(!line.text.empty() && line.text.find_first_of(std::string_view("\n\0", 2)) == std::string::npos,
                  "a line of a list is one line");
    const words filled = command.words_for(line.text);
    fuzz::promise(filled.size() == plain.size(), "a line is one word, whatever is in it");
    if (!shell) continue;
    fuzz::promise(filled.back() == line.text && std::equal(filled.begin(), filled.end() - 1, plain.begin()),
                  "a shell gets a line as an argument, never as code");
  }
} catch (const tool::command_template::invalid&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const words arguments = arguments_of(rest);
  std::vector<const char*> argv{"fanout"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  parse(argv);
  check_command_line(argv);

  const std::vector<tool::list_line> lines = lines_of(rest);
  for (const std::string& argument : arguments) {
    check_template(argument, false, lines);
    check_template(argument, true, lines);
  }
  return 0;
}
