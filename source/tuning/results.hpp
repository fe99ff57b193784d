#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "fanout/tuning.hpp"
#include "tuning/sweep.hpp"

/// From what was measured to what a report says, and what every report keeps to.
namespace fanout::detail {

inline constexpr std::size_t longest_name = 1024;    ///< Of a workload, in bytes.
inline constexpr std::size_t longest_reason = 8192;  ///< In bytes.
inline constexpr std::size_t most_rows = 1024;

/// Decides, and explains. Requires at least one size with runs, all summarised.
tuning_results results_of(const sweep_result& measured, const tuning_options& options, const machine_shape& machine,
                          std::chrono::nanoseconds elapsed);

/// Throws `std::invalid_argument`, which begins with the name of the field, where results contradict themselves.
void check_results(const tuning_results& results);

void check_machine(const machine_shape& machine);

/// Refuses text that is too long or not UTF-8.
void check_text(std::string_view text, std::string_view field, std::size_t longest);

}  // namespace fanout::detail
