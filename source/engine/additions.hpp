#pragma once

#include <atomic>
#include <cstddef>

#include "engine/closure_list.hpp"
#include "fanout/detail/spinning_place.hpp"

namespace fanout::detail {

/// What was added to a task line and not collected yet: a stack that is pushed on by anyone and only ever emptied as
/// a whole, so that those who add at once meet nowhere but at its head, and no memory is read that another may free.
///
/// Who pushes must know whether to call anyone for the task. So the head of an empty stack says that, too: *attended*
/// if nobody need be called, *unattended* if who pushes must see to it, or *shut* if nothing may be pushed. Who pushes must
/// also see to it if a thread attends that cannot see the task for now.
template <class Primitives, class Task>
class basic_additions {
 public:
  enum class pushed { attended, unattended, refused };
  using spinning_place = basic_spinning_place<Primitives>;

  /// `refused`: the task was not pushed.
  pushed push(Task& task) {
    const bool is_seen = !looker_.is_taken_by_caller();  // who begins to look from now on sees it
    Task* top = head_.load(std::memory_order_relaxed);
    for (int failures = 0;;) {
      if (top == &shut_) return pushed::refused;
      task.next = is_empty(top) ? nullptr : top;
      // Release: for who collects the task, and, since all who push exchange the head, those below it.
      if (head_.compare_exchange_weak(top, &task, std::memory_order_release, std::memory_order_relaxed)) break;
      // Who has just succeeded has the cache line, and can push more if it is left alone.
      if (failures != most_pauses) ++failures;
      for (int i = 0; i != failures; ++i) Primitives::pause();
      top = head_.load(std::memory_order_relaxed);
    }
    return top == &unattended_ || !is_seen ? pushed::unattended : pushed::attended;
  }

  /// Where a thread looks at the stack, if one does.
  spinning_place& looker() { return looker_; }

  /// True if there is something to collect. For anyone.
  bool any() const { return !is_empty(head_.load(std::memory_order_relaxed)); }

  // For one thread at a time:

  /// Moves all tasks to the end of the list, in the order in which they were pushed. Returns how many.
  std::size_t collect(closure_list<Task>& to, bool attended) {
    if (!any()) return 0;
    Task* const newest = head_.exchange(attended ? nullptr : &unattended_, std::memory_order_acquire);
    Task* oldest = nullptr;
    std::size_t collected = 0;
    for (Task* each = newest; each != nullptr; ++collected) {
      Task* const older = each->next;
      each->next = oldest;
      oldest = each;
      each = older;
    }
    to.add_all(*oldest, *newest);
    return collected;
  }

  /// Nobody attends to the stack any more. False if there is something to collect first.
  bool leave() { return become(unattended_); }

  /// Nothing is pushed any more, for ever. False if there is something to collect first.
  bool shut() { return become(shut_); }

 private:
  static constexpr int most_pauses = 8;

  bool is_empty(const Task* top) const { return top == nullptr || top == &unattended_ || top == &shut_; }

  bool become(Task& what) {
    Task* now = head_.load(std::memory_order_relaxed);
    while (is_empty(now)) {
      if (now == &shut_ || now == &what) return true;
      if (head_.compare_exchange_weak(now, &what, std::memory_order_relaxed)) return true;
    }
    return false;
  }

  // Only their addresses are used.
  Task unattended_;
  Task shut_;
  // The newest task, null for attended, or the address of one of these two. Anyone pushes, by a compare-and-swap;
  // what else changes it, is under the mutex of the line, which is all that orders changes from one empty state to
  // another.
  alignas(128) typename Primitives::template atomic<Task*> head_{&unattended_};

  // Beside the head, whose cache line who pushes needs anyway.
  spinning_place looker_;
};

}  // namespace fanout::detail
