#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How arguments are read, and what the subcommands share in describing their options. Wrong values throw `usage_error`, with a text that names
/// the option, what it takes and what it got: CLI11's own texts leave one of them out.
namespace tool {

/// Gives the program's options and subcommands their values. Returns the text that `--help` or `--version` asks for:
/// then nothing else is left to do. Throws `usage_error`.
std::optional<std::string> parse_arguments(CLI::App& program, int argc, const char* const* argv);

/// The command as one would type it again in a shell.
std::string command_line_of(int argc, const char* const* argv);

/// Reads a whole number, in digits only. Throws `usage_error` unless it is within the bounds.
std::size_t parse_number(std::string_view option, std::string_view text, std::size_t minimum, std::size_t maximum);

/// Adds an option that takes a whole number from `minimum` to `maximum` into `target`, whose present value is the
/// default that the help shows.
CLI::Option* add_number(CLI::App& app, const std::string& option, std::size_t& target, std::size_t minimum,
                        std::size_t maximum, const std::string& description);

/// Adds an option that takes one of the words; the target and the default are as above.
CLI::Option* add_choice(CLI::App& app, const std::string& option, std::string& target,
                        const std::vector<std::string>& words, const std::string& description);

/// Adds an option that takes any text.
CLI::Option* add_text(CLI::App& app, const std::string& option, std::string& target, const std::string& type,
                      const std::string& description);

}  // namespace tool
