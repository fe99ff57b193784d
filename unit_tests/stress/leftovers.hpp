#pragma once

#include "record.hpp"

namespace stress {

/// Calls `broken(text…)` for whatever a batch has left behind.
template <class Broken>
void judge_leftovers(const batch_record& record, const Broken& broken) {
  if (record.in_flight_after != 0) broken(record.in_flight_after, " tasks run after the call");
  if (record.late != 0) broken(record.late, " tasks or callbacks started after the call");
  if (record.results_alive != 0) broken(record.results_alive, " results are left");
  if (record.failures_alive != 0) broken(record.failures_alive, " exceptions are left");
}

}  // namespace stress
