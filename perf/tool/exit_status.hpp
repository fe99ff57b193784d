#pragma once

#include <stdexcept>

/// How the tool ends: the exit codes, and the exceptions that lead to them. Any other exception is a `failed`.
namespace tool {

enum exit_status : int {
  succeeded = 0,
  failed = 1,         // the command ran, but its result is not what was asked for
  wrong_usage = 2,    // nothing ran
  some_failed = 3,    // of the commands of `fanout run`
  time_over = 124,    // of all of them, as of timeout(1)
  interrupted = 130,  // the process then ends by SIGINT, which shells report as 128 + SIGINT
};

/// The arguments cannot be used. The text is one line for the user.
class usage_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The user pressed Ctrl-C.
class interruption : public std::runtime_error {
 public:
  interruption() : std::runtime_error("interrupted") {}
};

}  // namespace tool
