#pragma once

#include <string>

#include "tune_output.hpp"

namespace tool {

/// The result as one page: the curves of throughput and efficiency with their intervals, the baselines, all numbers, the
/// machine and the command. It has no script and asks the network for nothing; it follows the reader's choice of light or
/// dark, and fits a telephone.
std::string tuning_page(const tuned& result);

/// Whether the file is such a page. False if it cannot be read.
bool is_tuning_page(const std::string& path);

}  // namespace tool
