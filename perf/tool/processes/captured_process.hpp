#pragma once

#include <chrono>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "processes/process_groups.hpp"
#include "processes/program.hpp"

namespace tool {

enum class output_stream { out, err };

/// Gets what a command writes while it runs.
class output_listener {
 public:
  output_listener() = default;
  virtual ~output_listener() = default;
  output_listener(const output_listener&) = delete;
  output_listener& operator=(const output_listener&) = delete;

  virtual void on_output(output_stream stream, std::string_view bytes) noexcept = 0;

  /// Called at least ten times a second while the command runs.
  virtual void on_tick() noexcept = 0;
};

/// What is run, and with what.
struct captured_start {
  std::vector<std::string> words;  // at least one
  std::string program;             // looked up in PATH unless it has a slash
  std::string input = "/dev/null";
};

/// When a command is ended.
struct captured_limits {
  std::chrono::steady_clock::time_point end = std::chrono::steady_clock::time_point::max();
  std::chrono::nanoseconds grace{0};
  std::stop_token stop{};
};

struct captured_end {
  enum class reason {
    its_own,    // nobody asked it to end
    limit,      // it was asked at `captured_limits::end`
    requested,  // it was asked after a stop
  };

  command_end end;
  reason why;
};

/// Runs a program as `run_process` does, and gives the listener what it writes, all on the calling thread.
///
/// At the limit, or once a stop is requested (seen within 100 ms), the command and what it has started get SIGTERM.
/// What still runs after the time of grace is killed. A command that ends by itself may leave processes that hold its
/// outputs, such as the `tee` of `> >(tee log)`: they have as much time to end. Then the rest of its group is killed.
///
/// `memory` is for reading. Throws `std::system_error` if the program cannot be started.
captured_end run_captured(process_groups& groups, captured_start start, const captured_limits& limits,
                          output_listener& listener, std::span<char> memory);

}  // namespace tool
