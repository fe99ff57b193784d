#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace fanout::detail {

/// The cells of a line.
using table_line = std::vector<std::string>;

/// The lines as text, with columns two spaces apart. The first `left` columns are aligned to the left, the others to the
/// right, and the last column is not aligned. Requires a line, and as many cells in each.
std::string aligned(const std::vector<table_line>& lines, std::size_t left = 0);

}  // namespace fanout::detail
