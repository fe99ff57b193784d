#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string_view>

#include "descriptor.hpp"

namespace tool {

/// Holds output that does not fit into memory: one temporary file without a name for all commands, so that the number
/// of outputs is not limited by that of open files. Any thread may call it.
class output_spool {
 public:
  struct piece {
    off_t begin;
    std::size_t size;
  };

  /// Throws `std::system_error`, which names the directory, if the file cannot be written.
  piece keep(std::string_view bytes);

  /// Writes a piece to a descriptor. Throws `std::system_error`.
  void copy(const piece& kept, int to) const;

  /// Gives the space on the disk back, where the file system can do that.
  void forget(const piece& kept) noexcept;

  /// The space on the disk, in units of 512 bytes; for tests.
  std::size_t blocks_on_disk() const;

 private:
  std::once_flag opened_;
  descriptor file_;  // written by the call of `opened_`, which orders it before all that use it

  // Relaxed: the number alone matters. The bytes of a piece are read by the thread that wrote them, or by one that
  // got the piece from it.
  std::atomic<off_t> end_{0};
};

/// Writes all of it to a descriptor, also if that does not take it all at once. Throws `std::system_error`.
void write_all(int to, std::string_view bytes);

}  // namespace tool
