#pragma once

#include <cstddef>

#include "admission_model.hpp"
#include "around_model.hpp"
#include "deadline_model.hpp"
#include "first_model.hpp"
#include "record.hpp"
#include "retry_model.hpp"
#include "rule_model.hpp"

namespace stress {

/// Checks what single options promise, and the call that takes the first value. `as(promise)` gives the function that
/// reports a broken one.
template <class As>
void judge_options(const batch_record& record, std::size_t started, std::size_t failed, const As& as) {
  judge_rule(record, started, failed, as("rule"));
  judge_time(record, started, may_be_fulfilled(record, started, failed) || record.takes_first, as("time"));
  if (record.takes_first) judge_first(record, started, failed, as("first"));
  judge_around(record, as("around"));
  judge_admission(record, as("admission"));
  judge_attempts(record, started, failed, as("attempts"));
}

}  // namespace stress
