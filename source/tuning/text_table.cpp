#include "tuning/text_table.hpp"

#include <algorithm>

namespace fanout::detail {
namespace {

/// In characters, not bytes. Requires UTF-8; a character of the continuation of another one is none.
std::size_t width_of(const std::string& cell) {
  return static_cast<std::size_t>(
      std::count_if(cell.begin(), cell.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; }));
}

}  // namespace

std::string aligned(const std::vector<table_line>& lines, std::size_t left) {
  std::vector<std::size_t> widths(lines.front().size());
  for (const table_line& cells : lines) {
    for (std::size_t i = 0; i != cells.size(); ++i) widths[i] = std::max(widths[i], width_of(cells[i]));
  }
  std::string text;
  for (const table_line& cells : lines) {
    for (std::size_t i = 0; i + 1 != cells.size(); ++i) {
      const std::string padding(widths[i] - width_of(cells[i]), ' ');
      text += i < left ? cells[i] + padding + "  " : padding + cells[i] + "  ";
    }
    text += cells.back() + "\n";
  }
  return text;
}

}  // namespace fanout::detail
