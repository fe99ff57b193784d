#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "record.hpp"

/// Checks the record of a batch against what a limit of time promises.
namespace stress {

/// Whether the time was over at the latest when the call was. (The thread that keeps the time may be late, so nobody
/// can tell from outside when the batch was told.)
inline bool may_be_out_of_time(const batch_record& record) {
  return record.timeout != fanout::no_limit && record.over - record.began >= record.timeout;
}

/// The limit begins after `began`. So whatever has stopped the batch before `began + timeout` came before its end.
template <class Broken>
void judge_out_of_time(const batch_record& record, const Broken& broken) {
  if (record.timeout == fanout::no_limit) return broken("was told to be over, and had no limit");
  if (!may_be_out_of_time(record)) broken("was told to be over too early");
  const std::chrono::nanoseconds end = record.began + std::max(record.timeout, std::chrono::nanoseconds(0));
  if (record.was_stopped_before || record.stop_requested_by < end)
    broken("was told to be over, though the stop was requested before");
  // A stream tells its items to stop when one of them has failed; that counts only when its turn has come.
  if (!record.stream && record.stop_seen_by < end)
    broken("was told to be over, though a task had seen the stop of something else before");
}

/// Calls `broken(text…)` for each promise about the time that the batch breaks. `has_enough`: whether it may have
/// been stopped because it had seen enough.
template <class Broken>
void judge_time(const batch_record& record, std::size_t started, bool has_enough, const Broken& broken) {
  const bool had_none = record.timeout.count() <= 0;
  if (had_none && started != 0) broken(started, " tasks of a batch without time ran");
  const bool returned = record.how == ending::returned && !record.settles && !record.stream;
  if (had_none && returned && record.size != 0) broken("a batch without time returned");
  if (returned && !has_enough && record.stop_seen_by != no_time) broken("returned, though a task had seen a stop");
  if (record.how == ending::out_of_time) judge_out_of_time(record, broken);
}

}  // namespace stress
