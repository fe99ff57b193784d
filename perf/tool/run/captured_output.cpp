#include "run/captured_output.hpp"

namespace tool {

captured_output& captured_output::operator=(captured_output&& other) noexcept {
  std::swap(spool_, other.spool_);
  std::swap(pieces_, other.pieces_);
  std::swap(tail_, other.tail_);
  std::swap(last_, other.last_);
  return *this;
}

void captured_output::append(std::string_view bytes) {
  constexpr std::size_t most_in_memory = std::size_t{1024} * 1024;
  if (bytes.empty()) return;
  if (tail_.size() + bytes.size() > most_in_memory) leave_memory();
  tail_ += bytes;
  last_ = bytes.back();
}

void captured_output::flush(int to) {
  for (const output_spool::piece& each : pieces_) spool_->copy(each, to);
  write_all(to, tail_);
  clear();
}

void captured_output::leave_memory() {
  if (tail_.empty()) return;
  pieces_.reserve(pieces_.size() + 1);
  pieces_.push_back(spool_->keep(tail_));
  tail_ = {};  // which gives its memory back
}

void captured_output::clear() noexcept {
  for (const output_spool::piece& each : pieces_) spool_->forget(each);
  pieces_.clear();
  tail_.clear();
}

}  // namespace tool
