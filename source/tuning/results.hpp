#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include "fanout/tuning.hpp"
#include "tuning/disturbance.hpp"
#include "tuning/sweep.hpp"

/// Makes the results of a report from the measurements, and checks the rules that every report must keep.
namespace fanout::detail {

inline constexpr std::size_t longest_name = 1024;    ///< Of a workload's name, in bytes.
inline constexpr std::size_t longest_reason = 8192;  ///< In bytes.
inline constexpr std::size_t most_rows = 1024;

/// Where and on what the sizes were measured.
struct measurement {
  machine_shape machine{};
  std::chrono::nanoseconds elapsed{0};
  std::optional<std::size_t> tasks{};  ///< Of a run; empty if that is not known.
  core_use use{};
};

/// Decides which size to recommend, and explains why. Requires at least one size; each must have runs and be
/// summarised.
tuning_results results_of(const sweep_result& measured, const tuning_options& options, const measurement& made);

/// Throws `std::invalid_argument` if a field is out of its bounds or contradicts another. The message begins with the
/// name of the field.
void check_results(const tuning_results& results);

void check_machine(const machine_shape& machine);

/// Throws `std::invalid_argument` if the text is longer than `longest` bytes, or not UTF-8.
void check_text(std::string_view text, std::string_view field, std::size_t longest);

}  // namespace fanout::detail
