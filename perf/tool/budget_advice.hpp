#pragma once

#include <chrono>
#include <cstddef>
#include <fanout/tuning.hpp>
#include <string>

namespace tool {

/// The budget of a measurement, as the user gave it.
struct given_budget {
  std::string text;
  std::chrono::nanoseconds whole{0};
  std::chrono::nanoseconds for_sizes{0};  ///< The part of it in which the sizes are measured.
};

/// Says what can be done about a budget that was refused: a `--budget` that is accepted, or how many of the `tasks` the
/// given one is sufficient for.
std::string budget_advice(const given_budget& given, const fanout::budget_error& refused, std::size_t tasks);

}  // namespace tool
