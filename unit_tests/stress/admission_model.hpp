#pragma once

#include <algorithm>

#include "record.hpp"

/// Checks the record of a batch against what `run_options::admit` promises.
namespace stress {

template <class Broken>
void judge_amount(const amount_use& each, const Broken& broken) {
  if (each.most > each.limit) broken(each.most, " at once of ", each.of, " of ", each.limit);
  if (each.left != 0) broken(each.left, " of ", each.of, " was not given back");
}

/// Calls `broken(text…)` for each promise about admission that the batch breaks.
template <class Broken>
void judge_admission(const batch_record& record, const Broken& broken) {
  for (const amount_use& each : record.amounts) judge_amount(each, broken);
  if (record.one_at_a_time && record.most_in_flight > 1)
    broken(record.most_in_flight, " tasks in flight when memory was low");
  const auto waits_for_its_own = [](const amount_use& each) { return each.wanted != 0 && each.held_around != 0; };
  if (record.how == ending::hold_and_wait &&
      std::none_of(record.amounts.begin(), record.amounts.end(), waits_for_its_own))
    broken("a wait was refused, though no task around it held what it waited for");
  if (record.how == ending::rule_error && !record.rule_threw) broken("an exception that no rule threw");
}

}  // namespace stress
