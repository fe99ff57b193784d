#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "run/output_spool.hpp"

namespace tool {

/// What a command wrote to one of its outputs. No more than a mebibyte of it is in memory; the rest is in the spool.
class captured_output {
 public:
  explicit captured_output(output_spool& spool) : spool_(&spool) {}
  captured_output(captured_output&& other) noexcept
      : spool_(other.spool_),
        pieces_(std::exchange(other.pieces_, {})),
        tail_(std::exchange(other.tail_, {})),
        last_(other.last_) {}
  captured_output& operator=(captured_output&& other) noexcept;
  ~captured_output() { clear(); }

  /// Throws `std::system_error`.
  void append(std::string_view bytes);

  /// Writes all of it to a descriptor, and keeps nothing of it. Throws `std::system_error`.
  void flush(int to);

  /// Moves all of it to the spool. Throws `std::system_error`.
  void leave_memory();

  void clear() noexcept;

  bool empty() const noexcept { return pieces_.empty() && tail_.empty(); }
  std::size_t in_memory() const noexcept { return tail_.size(); }

  /// Whether the last byte that was ever appended ends a line; true if there was none.
  bool ends_line() const noexcept { return last_ == '\n'; }

 private:
  output_spool* spool_;
  std::vector<output_spool::piece> pieces_;
  std::string tail_;  // behind them
  char last_ = '\n';
};

}  // namespace tool
