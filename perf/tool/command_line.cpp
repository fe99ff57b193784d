#include "command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "exit_status.hpp"
#include "text_output.hpp"
#include "workloads/command_template.hpp"

namespace tool {
namespace {

/// "a, b or c".
std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t index = 0; index < words.size(); ++index) {
    if (index > 0) text += index + 1 == words.size() ? " or " : ", ";
    text += words[index];
  }
  return text;
}

/// What CLI11 says of wrong arguments, in our words where its own are hard to read: "--level: 1 required N missing",
/// "no-progress was given a disallowed flag override".
std::string wording_of(const CLI::ParseError& error) {
  std::string text = short_line(error.what());
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) == nullptr) return text;
  if (text.ends_with(" missing")) return text.substr(0, text.find(':')) + " needs a value";
  if (text.ends_with(" disallowed flag override")) return "--" + text.substr(0, text.find(' ')) + " takes no value";
  return text;
}

/// Given twice, the last one counts, as in most commands: scripts add options to the end of what they have.
CLI::Option* finish(CLI::Option* option, const std::string& type) {
  return option->type_name(type)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

}  // namespace

std::optional<std::string> parse_arguments(CLI::App& program, int argc, const char* const* argv) try {
  program.parse(argc, argv);
  std::size_t subcommands = 0;
  for (const CLI::App* each : program.get_subcommands({})) subcommands += each->count();
  if (subcommands > 1) throw usage_error("only one subcommand can run at a time");
  return std::nullopt;
} catch (const CLI::CallForVersion& version) {
  return std::string(version.what()) + "\n";
} catch (const CLI::CallForHelp&) {
  return program.help();
} catch (const CLI::ParseError& error) {
  throw usage_error(wording_of(error));
}

std::string command_line_of(int argc, const char* const* argv) {
  std::string line = "fanout";
  for (int i = 1; i < argc; ++i) line += ' ' + word_for_shell(argv[i]);
  return line;
}

std::size_t parse_number(std::string_view option, std::string_view text, std::size_t minimum, std::size_t maximum) {
  std::size_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end || number < minimum || number > maximum) {
    throw usage_error(
        fmt::format("{} takes a whole number from {} to {}, not '{}'", option, minimum, maximum, short_line(text)));
  }
  return number;
}

CLI::Option* add_number(CLI::App& app, const std::string& option, std::size_t& target, std::size_t minimum,
                        std::size_t maximum, const std::string& description) {
  auto* added = app.add_option_function<std::string>(
      option, [=, &target](const std::string& text) { target = parse_number(option, text, minimum, maximum); },
      fmt::format("{}: {} to {} (default: {})", description, minimum, maximum, target));
  return finish(added, "N");
}

CLI::Option* add_choice(CLI::App& app, const std::string& option, std::string& target,
                        const std::vector<std::string>& words, const std::string& description) {
  auto* added = app.add_option_function<std::string>(
      option,
      [=, &target](const std::string& text) {
        if (std::find(words.begin(), words.end(), text) == words.end()) {
          throw usage_error(fmt::format("{} takes {}, not '{}'", option, listed(words), short_line(text)));
        }
        target = text;
      },
      fmt::format("{}: {} (default: {})", description, listed(words), target));
  return finish(added, "NAME");
}

CLI::Option* add_text(CLI::App& app, const std::string& option, std::string& target, const std::string& type,
                      const std::string& description) {
  return finish(app.add_option(option, target, fmt::format("{} (default: {})", description, target)), type);
}

}  // namespace tool
