#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/batch.hpp"
#include "observer.hpp"
#include "plan.hpp"
#include "record.hpp"
#include "retry_model.hpp"

/// What the stress test does with the handle of a batch that runs beside its submitter.
namespace stress {

/// Thrown where a call returns its results, if the handle was destroyed instead.
struct handle_dropped {};

/// Calls `submit` with the range as the plan wants it to be kept: copied, moved, or referred to. Returns the handle.
template <class Range, class Submit>
auto submit_as(kept how, Range& range, const Submit& submit) {
  if (how == kept::copied) return submit(range);
  if (how == kept::moved) return submit(std::move(range));
  return submit(std::ref(range));
}

/// Uses one handle as the plan says, and notes what the handle tells meanwhile.
class handle_user {
 public:
  /// `notes`: where to note that the handle has requested the stop, and what it tells.
  handle_user(const batch_plan& what, observer& seen, handle_record& notes)
      : what_(what), seen_(seen), notes_(notes) {}

  /// What `get` returns or throws; throws `handle_dropped` if the plan is to destroy the handle.
  template <class T>
  auto use(fanout::batch<T> handle) {
    treat(handle);
    if (what_.handle == handle_use::dropped) {
      drop(handle);
      throw handle_dropped();
    }
    const at_end<T> afterwards{*this, handle};
    // An exception crosses the threads, and must have been destroyed on both when the batch is judged.
    if (what_.handle == handle_use::waited_by_two)
      return std::async(std::launch::async, [&handle] { return handle.get(); }).get();
    return handle.get();
  }

 private:
  /// Looks at the handle when its results have been taken.
  template <class T>
  struct at_end {
    handle_user& user;
    fanout::batch<T>& handle;
    ~at_end() {
      user.look(handle);
      if (!user.notes_.looks.back().was_ready) user.seen_.notice("a handle is not ready after get");
      try {
        static_cast<void>(handle.get());
        user.seen_.notice("the results of a handle can be taken twice");
      } catch (const std::logic_error&) {
      }
    }
  };

  template <class T>
  void treat(fanout::batch<T>& handle) {
    switch (what_.handle) {
      case handle_use::none:
      case handle_use::got:
        return;
      case handle_use::got_later:
      case handle_use::dropped:
        return pause();
      case handle_use::looked_at:
        // Not until the end: it may wait for a slot that this task holds, and only `wait` would run it then.
        for (int looks = 0; looks != 100 && !look(handle); ++looks) std::this_thread::yield();
        return;
      case handle_use::waited_for:
        for (int waits = 0; waits != 5; ++waits) {
          const bool over = handle.wait_for(what_.handle_pause / 4 + std::chrono::microseconds(1));
          if (over && !handle.ready()) seen_.notice("a timed wait returned true, and the handle is not ready");
          if (look(handle) || over) return;
        }
        return;
      case handle_use::waited_twice:
        wait(handle);
        return wait(handle);
      case handle_use::moved: {
        fanout::batch<T> other(std::move(handle));
        pause();
        handle = std::move(other);
        return;
      }
      case handle_use::waited_by_two: {
        // Whichever of the two runs it. If this is a task, both wait, because only fanout knows for whom it must
        // lend.
        const std::jthread other([this, &handle] { wait(handle); });
        return wait(handle);
      }
      case handle_use::stopped:
        pause();
        handle.request_stop();
        seen_.stop_was_requested();
        notes_.was_stopped = true;
        return;
    }
  }

  template <class T>
  void drop(fanout::batch<T>& handle) {
    look(handle);
    notes_.was_stopped = true;
    const fanout::batch<T> dropped(std::move(handle));
    if (!handle.ready() || handle.progress().total != 0) seen_.notice("a handle that was moved from has something");
  }

  void pause() const {
    if (what_.handle_pause.count() != 0) std::this_thread::sleep_for(what_.handle_pause);
  }

  template <class T>
  void wait(const fanout::batch<T>& handle) {
    handle.wait();
    if (!handle.ready() || !handle.wait_for(std::chrono::seconds(0)))
      seen_.notice("a handle is not ready after wait");
  }

  /// Whether the batch has ended.
  template <class T>
  bool look(const fanout::batch<T>& handle) {
    notes_.looks.push_back(seen_.look_at(handle, handle.ready()));
    return notes_.looks.back().was_ready;
  }

  const batch_plan& what_;
  observer& seen_;
  handle_record& notes_;
};

/// Checks what a handle has told of its batch. Calls `broken(text…)` for each promise that it breaks.
template <class Broken>
void judge_looks(const batch_record& record, std::size_t started, std::size_t failed, const Broken& broken) {
  fanout::batch_progress before;
  bool was_ready = false;
  const std::size_t not_yet_counted = record.fails_around ? record.limit : 0;  // failures: when `around` has thrown
  for (const handle_look& each : record.handle.looks) {
    const fanout::batch_progress& now = each.counts;
    if (now.failed > now.completed || now.completed > now.started || now.started > now.total)
      broken(now.started, " started, ", now.completed, " completed, ", now.failed, " failed of ", now.total);
    const bool may_grow = record.grows() && !each.was_ready;
    if (may_grow ? now.total > record.size : now.total != record.size)
      broken("a total of ", now.total, " for ", record.size, " tasks");
    if (now.started < before.started || now.completed < before.completed || now.failed < before.failed ||
        now.total < before.total)
      broken("a count became smaller");
    if (record.has_moments && now.started + not_yet_counted < each.ended_before)
      broken(now.started, " tasks counted as started when ", each.ended_before, " had ended");
    if (record.has_moments && now.completed > each.ended_after + late_in_vain(record))
      broken(now.completed, " tasks counted as completed when ", each.ended_after, " had ended");
    if (was_ready && !each.was_ready) broken("not ready any more");
    // If the call tells no failure, or only one, nobody knows who was late.
    const bool all_are_told = record.task_timeout == fanout::no_limit;
    const bool started_as_told = all_are_told ? now.started == started : now.started >= started;
    const bool failed_as_told = all_are_told ? now.failed == failed : now.failed >= failed;
    if (each.was_ready && (!started_as_told || now.completed != now.started || !failed_as_told))
      broken("at the end ", now.started, " started, ", now.completed, " completed and ", now.failed, " failed of ",
             started, " tasks that ran, of which ", failed, " threw");
    was_ready = each.was_ready;
    before = now;
  }
}

}  // namespace stress
