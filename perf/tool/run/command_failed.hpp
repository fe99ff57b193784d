#pragma once

#include <cerrno>
#include <exception>

namespace tool {

/// Tells the engine that a command has failed; the record of the command says how.
class command_failed : public std::exception {
 public:
  explicit command_failed(bool worth_again) : worth_again_(worth_again) {}

  const char* what() const noexcept override { return "a command failed"; }

  /// Whether another attempt could end otherwise.
  bool worth_again() const noexcept { return worth_again_; }

 private:
  bool worth_again_;
};

/// Whether a program that could not be started with this error could be later: the system had no process, memory or
/// open file for it.
inline bool may_start_later(int error) {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE || error == ETXTBSY;
}

}  // namespace tool
