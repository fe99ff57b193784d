#include "command_options.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <utility>

#include "command_line.hpp"
#include "exit_status.hpp"
#include "text_output.hpp"
#include "workloads/command.hpp"

namespace tool {

command_options::command_options(CLI::App& app) : app_(&app) {
  const std::string group = "Commands in place of a workload";
  app.add_option("--command", command_, "Command to run for each line of the list; {} is the line")
      ->type_name("TEXT")
      ->group(group);
  app.add_option("--input-list", input_list_, "File with a line for each task; - is standard input")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--null", null_, "The list has null characters in place of line ends, as find -print0 writes it")
      ->disable_flag_override()
      ->group(group);
  app.add_flag("--shell", shell_, "Hand the command to /bin/sh")->disable_flag_override()->group(group);
  add_text(app, "--stdin", stdin_, "FILE", "What each command gets as standard input, from its beginning")
      ->group(group);
  add_choice(app, "--output", output_, {"null", "pipe", "file"}, "Where the standard output of the commands goes")
      ->group(group);
}

bool command_options::chosen() const {
  if (app_->count("--command") != 0) return true;
  for (const char* option : {"--input-list", "--null", "--shell", "--stdin", "--output"}) {
    if (app_->count(option) != 0) throw usage_error(fmt::format("{} belongs to --command", option));
  }
  return false;
}

std::vector<named_file> command_options::files_read() const {
  named_file list{"--input-list", input_list_};
  if (input_list_ == "-") list = {.option = "--input-list -", .descriptor = STDIN_FILENO};
  return {list, {"--stdin", stdin_}};
}

command_streams command_options::streams() const {
  command_streams streams{.input = stdin_, .output = command_output::pipe};
  if (output_ == "null") streams.output = command_output::null;
  if (output_ == "file") streams.output = command_output::file;
  try {
    try_to_open({.input = streams.input, .output = command_output::null});
  } catch (const std::runtime_error& error) {
    throw usage_error(fmt::format("--stdin: {}", short_line(error.what())));
  }
  try {
    try_to_open({.output = streams.output});
  } catch (const std::runtime_error& error) {
    throw usage_error(fmt::format("--output {}: {}", output_, error.what()));
  }
  return streams;
}

workload_options::prepared command_options::prepare(process_groups& groups, bool checks_output) const try {
  if (input_list_.empty()) throw usage_error("--command needs --input-list, whose lines take the place of {}");
  command_template words(command_, shell_);
  command_streams streams = this->streams();
  command_list list = read_list(input_list_, null_ ? separator::null : separator::newline);
  if (list.lines.empty()) throw usage_error(fmt::format("--input-list '{}' holds no lines", input_list_));
  return {std::make_unique<command_workload>(groups, command_, std::move(words), std::move(streams), std::move(list),
                                             checks_output && output_ == "pipe"),
          {}};
} catch (const command_template::invalid& error) {
  throw usage_error(fmt::format("--command '{}' {}", short_line(command_), error.what()));
} catch (const input_error& error) {
  throw usage_error(fmt::format("--input-list '{}' cannot be read: {}", short_line(error.path()), error.what()));
}

}  // namespace tool
