#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>

#include "progress_bar.hpp"
#include "run/captured_output.hpp"

namespace tool {

/// What a command wrote, and what the tool has to say of its end; empty if that is nothing.
struct command_outputs {
  explicit command_outputs(output_spool& spool) : out(spool), err(spool) {}

  captured_output out;
  captured_output err;
  std::string note{};
};

/// Writes the outputs of the commands to the outputs of the tool, that of each command in one piece: in the order of
/// their indices, or as they come. In order, the first command that has not ended has its *turn*: it need not wait.
///
/// Several threads may call it. They throw `std::system_error` if standard output takes no more, or if what has to
/// wait can be kept nowhere. What standard error does not take is lost, because nobody would read of it.
class output_delivery {
 public:
  output_delivery(bool in_order, progress_bar& bar);

  /// Writes what a running command has written so far, if it has its turn. Requires that nothing was kept for it.
  void write_in_turn(std::size_t index, command_outputs& outputs);

  /// Takes the outputs of an attempt after which the command may be tried again. They are dropped if it is.
  void keep(std::size_t index, command_outputs outputs);

  /// Takes the outputs of a command that has ended.
  void finish(std::size_t index, command_outputs outputs);

  /// Writes all that still waits for commands that did not end. Requires that none runs.
  void finish_all();

 private:
  struct waiting_outputs {
    command_outputs outputs;
    bool ended;
  };

  void write(command_outputs& outputs);
  void drop(std::size_t index);  // what an attempt before has left
  void add(std::size_t index, command_outputs&& outputs, bool ended);

  const bool in_order_;
  const bool writes_to_terminal_;
  progress_bar& bar_;

  std::mutex writing_;  // held while outputs are written as they come; in order, the turn says who writes

  // Written under `mutex_`, by the thread that has written the outputs of the command before. Acquired without it by
  // a thread whose command may have the turn, and released by the increment: so what it writes comes behind that.
  std::atomic<std::size_t> turn_{0};
  std::mutex mutex_;  // guards all below
  std::map<std::size_t, waiting_outputs> waiting_;
  std::size_t waiting_in_memory_ = 0;
};

}  // namespace tool
