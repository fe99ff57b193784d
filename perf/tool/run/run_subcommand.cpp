#include "run/run_subcommand.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "duration.hpp"
#include "interrupt.hpp"
#include "processes/child_process.hpp"
#include "progress_bar.hpp"
#include "run/run_help.hpp"
#include "run/run_summary.hpp"
#include "text_output.hpp"
#include "workload_options.hpp"
#include "workloads/file_list.hpp"
#include "written_files.hpp"

namespace tool {
namespace {

/// With `auto`, so many commands for a core at most: more than commands that compute can use, and enough to see
/// whether those that wait gain from more.
constexpr std::size_t most_for_a_core = 4;

/// The file that a shell would run for this name. Throws `std::system_error`.
std::string found_in_path(const std::string& name) {
  namespace fs = std::filesystem;
  int error = ENOENT;
  const auto can_run = [&](const std::string& file) {
    std::error_code ignored;
    if (access(file.c_str(), X_OK) == 0 && !fs::is_directory(file, ignored)) return true;
    if (fs::exists(file, ignored)) error = EACCES;
    return false;
  };
  if (name.find('/') != std::string::npos) {
    if (can_run(name)) return name;
  } else {
    const char* const path = std::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "/bin:/usr/bin";
    while (true) {
      const std::size_t colon = rest.find(':');
      const std::string_view directory = rest.substr(0, colon);
      const std::string file = (directory.empty() ? "." : std::string(directory)) + "/" + name;
      if (can_run(file)) return file;
      if (colon == std::string_view::npos) break;
      rest.remove_prefix(colon + 1);
    }
  }
  throw std::system_error(error, std::generic_category());
}

/// The commands as a script for a shell.
std::string script(const run_settings& settings) {
  std::string text;
  for (const list_line& line : settings.list.lines) {
    const std::vector<std::string> words = settings.words.words_for(line.text, 1);
    // With a `=`, the first word would be an assignment.
    text += words[0].find('=') == std::string::npos ? word_for_shell(words[0]) : quoted_for_shell(words[0]);
    for (std::size_t i = 1; i != words.size(); ++i) text += " " + word_for_shell(words[i]);
    text += "\n";
  }
  return text;
}

CLI::Option* add_value(CLI::App& app, const std::string& option, std::string& target, const std::string& type,
                       const std::string& description) {
  return app.add_option(option, target, description)
      ->type_name(type)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void add_switch(CLI::App& app, const std::string& option, bool& target, const std::string& description) {
  app.add_flag(option, target, description)->disable_flag_override();
}

exit_status status_of(const run_result& result, bool input_was_incomplete) {
  using state = command_record::state;
  if (!result.fault.empty()) return failed;
  if (result.time_over) return time_over;
  for (const command_record& each : result.records) {
    if (each.ended != state::succeeded) return some_failed;
  }
  return input_was_incomplete ? failed : succeeded;
}

}  // namespace

run_subcommand::run_subcommand(CLI::App& program) : app_(program.add_subcommand("run", run_description)) {
  add_value(*app_, "--command", command_, "TEXT", "Command to run for each line of the list; {} is the line");
  add_value(*app_, "--input-list", input_list_, "FILE", "File with a line for each command; - is standard input");
  add_value(*app_, "--input", input_, "DIR",
            "Or: every regular file below it is a line; symbolic links are not followed");
  add_switch(*app_, "--null", null_,
             "The list has null characters in place of line ends, as find -print0 writes it");
  add_switch(*app_, "--shell", shell_, "Hand the command to /bin/sh");
  add_text(*app_, "--stdin", stdin_, "FILE", "What each command gets as standard input, from its beginning");
  add_value(*app_, "--concurrency", concurrency_, "N",
            fmt::format("How many commands run at once: 1 to {}, or auto, which seeks the number that gets most done, "
                        "up to {} (default: {}, the cores)",
                        fanout::max_concurrency(), most_for_a_core * fanout::available_concurrency(),
                        fanout::available_concurrency()));
  add_options_of_time();
  add_options_of_output();
  app_->footer(run_footer);
}

void run_subcommand::add_options_of_time() {
  add_value(*app_, "--timeout", timeout_, "TIME",
            "Time for all commands together, such as 500ms, 30s or 2m (default: no limit)");
  add_value(*app_, "--task-timeout", task_timeout_, "TIME", "Time for each command, and each attempt");
  add_text(*app_, "--grace", grace_, "TIME", "Time from SIGTERM to SIGKILL");
  add_number(*app_, "--retry", retry_, 0, 1'000, "How often a command that failed or timed out is tried again");
  add_value(*app_, "--retry-pause", retry_pause_, "TIME",
            "Pause before it is tried again, doubled each time up to a minute (default: none)");
  add_value(*app_, "--rate", rate_, "N/TIME",
            "Start no more than so many commands in any such time: 10/s, 100/m or 3/500ms");
  add_value(*app_, "--memory-free", memory_free_, "SIZE",
            "Start a command only while so much memory is available, such as 500M or 2G, or none runs");
  add_number(*app_, "--stop-after-failures", stop_after_failures_, 0, 1'000'000'000,
             "Start no more commands after so many failures, 0 for never");
}

void run_subcommand::add_options_of_output() {
  add_switch(*app_, "--as-completed", as_completed_, "Write the output of each command when it has ended");
  add_switch(*app_, "--dry-run", dry_run_, "Only write the commands, as a script for a shell");
  add_switch(*app_, "--no-progress", no_progress_, "No progress bar, even if standard error is a terminal");
  add_value(*app_, "--summary", summary_, "FILE",
            "Write the summary to this file, with what went wrong for each command that did not succeed");
  add_value(*app_, "--unfinished", unfinished_, "FILE",
            "Write the lines whose commands did not succeed to this file, as a list for another run");
}

run_settings run_subcommand::settings() const try {
  if (command_.empty()) throw usage_error("--command is needed: the command to run for each line");
  if (input_list_.empty() && input_.empty())
    throw usage_error("--input-list or --input is needed, whose lines take the place of {}");
  if (!input_list_.empty() && !input_.empty()) throw usage_error("--input-list and --input exclude each other");
  if (null_ && input_list_.empty()) throw usage_error("--null belongs to --input-list");
  run_settings settings{.words = command_template(command_, shell_), .program = {}, .list = {}, .input = stdin_};
  if (settings.words.takes_threads())
    throw usage_error("--command has {threads}, which only fanout tune replaces; {{threads}} stands for the text");
  settings.program = program(settings.words);
  settings.adaptive = concurrency_ == "auto";
  settings.concurrency = settings.adaptive ? most_for_a_core * fanout::available_concurrency()
                         : app_->count("--concurrency") != 0
                             ? parse_number("--concurrency", concurrency_, 1, fanout::max_concurrency())
                             : fanout::available_concurrency();
  if (app_->count("--timeout") != 0) settings.timeout = parse_duration("--timeout", timeout_);
  if (app_->count("--task-timeout") != 0) settings.task_timeout = parse_duration("--task-timeout", task_timeout_);
  settings.grace = parse_duration("--grace", grace_);
  settings.retry = retry_;
  if (app_->count("--retry-pause") != 0) settings.retry_pause = parse_duration("--retry-pause", retry_pause_);
  if (app_->count("--rate") != 0) settings.rate = parse_rate("--rate", rate_);
  if (app_->count("--memory-free") != 0) settings.memory_free = parse_size("--memory-free", memory_free_);
  settings.stop_after_failures = stop_after_failures_;
  settings.as_completed = as_completed_;
  try {
    try_to_open({.input = stdin_, .output = command_output::null});
  } catch (const std::runtime_error& error) {
    throw usage_error(fmt::format("--stdin: {}", short_line(error.what())));
  }
  return settings;
} catch (const command_template::invalid& error) {
  throw usage_error(fmt::format("--command '{}' {}", short_line(command_), error.what()));
}

std::string run_subcommand::program(const command_template& words) const {
  const std::string name = words.program();
  try {
    return name.empty() ? name : found_in_path(name);
  } catch (const std::system_error& error) {
    throw usage_error(fmt::format("--command: cannot run '{}': {}", short_line(name), error.what()));
  }
}

command_list run_subcommand::list(std::vector<input_error>& errors) const {
  try {
    if (!input_list_.empty()) return read_list(input_list_, between());
    file_list files = list_files(input_);
    errors = std::move(files.errors);
    command_list list{.name = input_, .lines = {}};
    for (std::string& path : files.paths) list.lines.push_back({.number = 0, .text = std::move(path)});
    return list;
  } catch (const input_error& error) {
    throw usage_error(fmt::format("{} '{}' cannot be read: {}", input_list_.empty() ? "--input" : "--input-list",
                                  short_line(error.path()), error.what()));
  }
}

void run_subcommand::require_files() const try {
  std::vector<named_file> others{{"--stdin", stdin_},
                                 {.option = "standard output", .descriptor = STDOUT_FILENO},
                                 {.option = "standard error", .descriptor = STDERR_FILENO}};
  if (input_list_ == "-") {
    others.push_back({.option = "--input-list -", .descriptor = STDIN_FILENO});
  } else if (!input_list_.empty()) {
    others.push_back({"--input-list", input_list_});
  }
  std::vector<named_file> written;
  if (app_->count("--summary") != 0) written.push_back({"--summary", summary_});
  if (app_->count("--unfinished") != 0) written.push_back({"--unfinished", unfinished_});
  require_different_files(others, written);
  for (const named_file& each : written) require_writable(each.path);
  require_stdout();
} catch (const std::runtime_error& error) {
  throw usage_error(error.what());
}

exit_status run_subcommand::run() const {
  run_settings settings = this->settings();
  require_files();
  std::vector<input_error> errors;
  // Before signals are watched: their default actions end the tool while it waits for lines of the list.
  settings.list = list(errors);
  tell(errors);
  if (dry_run_) {
    write_to_stdout(script(settings));
    return errors.empty() ? succeeded : failed;
  }
  process_groups groups(settings.concurrency);
  const interrupt_watcher interrupts(&groups, interrupt_watcher::manner::gently);
  run_result result;
  try {
    progress_bar bar(!no_progress_ && terminal_shows_progress(), settings.list.lines.size());
    result = run_commands(settings, groups, interrupts.token(), bar);
  } catch (const fanout::resource_error& error) {
    throw usage_error(fmt::format("--concurrency {}: {}", settings.concurrency, error.what()));
  }
  exit_status status = status_of(result, !errors.empty());
  const auto tell_failure = [&](const std::string& text) {
    write_error_line(text);
    status = failed;
  };
  if (!result.fault.empty()) tell_failure(result.fault);
  try {
    if (app_->count("--unfinished") != 0)
      write_file(unfinished_, unfinished_lines(result, settings.list, between()));
  } catch (const std::exception& error) {
    tell_failure(error.what());
  }
  try {
    if (app_->count("--summary") != 0) {
      write_file(summary_, summary_text(result, settings.list));
    } else {
      write_error_line(summary_line(result));
    }
  } catch (const std::exception& error) {
    tell_failure(error.what());
  }
  if (const int signal = interrupts.signal(); signal != 0 && result.fault.empty()) die_by(signal);
  return status;
}

}  // namespace tool
