#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "admission/gate.hpp"
#include "admission/line_places.hpp"
#include "base/intrusive_list.hpp"
#include "executor/batch_scope.hpp"

namespace fanout::detail {

/// What one task costs, and holds while it runs. There is one for each task of a batch, made when the batch comes, so
/// that nothing is allocated under the mutex of the line, which guards all but `holder`.
struct budget_share : list_entry<budget_share> {
  std::uint64_t cost = 0;
  bool held = false;
  std::uint64_t counted_in = 0;  // the last count in which it was counted as stuck

  /// The entry of its task; 0 until that begins. Written by the thread of the task when that begins, and read by any
  /// thread under the mutex. If the task has a batch in line, that was put there under the mutex after the task had
  /// begun, so the holder is seen. If it has none, it does not matter whether the holder is seen.
  std::atomic<std::uint64_t> holder{0};
};

/// The shares of a budget that tasks hold: the stock of its line (see `basic_admission_line`).
///
/// **Tasks that hold a share and run an inner batch** may wait for each other. A share is *stuck* while its task
/// waits for a batch in the line: it comes back only after that batch has got something. All shares that are not
/// stuck come back by themselves. So the first in line gets its turn if its cost is not more than the capacity
/// without the stuck shares. Otherwise it cannot, and lets the first batch pass that keeps a share stuck and can be
/// served.
///
/// A wait is refused if it has no end, however lucky the others are: if the line were served in any order, each inner
/// batch that was served ended, and its outer task gave its share back, and some inner batch was never served.
class budget_shares {
 public:
  struct want {
    budget_share* share = nullptr;
  };
  using place = line_place<want>;
  using places = line_places<want>;

  explicit budget_shares(std::uint64_t capacity) : capacity_(capacity) {}

  std::uint64_t capacity() const noexcept { return capacity_; }
  std::uint64_t in_use() const noexcept { return in_use_; }

  bool fits(const want& each) const noexcept { return each.share->cost <= capacity_ - in_use_; }
  bool is_worth_asking(const want& each) const noexcept { return fits(each); }

  /// A budget is strictly first come, first served.
  static bool leaves_enough(const places& /*line*/, const place& /*asking*/) noexcept { return false; }

  void take(const want& wanted) noexcept {
    budget_share& share = *wanted.share;
    share.held = true;
    share.holder.store(0, std::memory_order_relaxed);
    held_.add(share);
    in_use_ += share.cost;
  }

  /// Returns whether the task held its share.
  bool give_back(budget_share& share) noexcept {
    if (!share.held) return false;
    share.held = false;
    held_.remove(share);
    in_use_ -= share.cost;
    return true;
  }

  place* turn(const places& line) noexcept {
    place* const first = line.all.first();
    if (first == nullptr || line.nested == 0 || fits(first->wanted)) return first;
    forget_served(line);
    const std::uint64_t comes_back = capacity_ - stuck(line);
    if (first->wanted.share->cost <= comes_back) return first;
    for (place* each = first; each != nullptr; each = next(*each))
      if (each->keeps && each->wanted.share->cost <= comes_back) return each;
    return first;
  }

  /// Throws `std::logic_error`.
  void check_wait(const places& line, const place& asking) {
    if (asking.who.started_in == nullptr) return;  // it keeps no share stuck
    forget_served(line);
    bool any = true;
    while (any) {
      any = false;
      const std::uint64_t comes_back = capacity_ - stuck(line);
      for (place* each = line.all.first(); each != nullptr; each = next(*each)) {
        if (each->served || each->wanted.share->cost > comes_back) continue;
        each->served = any = true;
      }
    }
    if (asking.served) return;
    throw std::logic_error(
        "this batch would wait forever for " + std::to_string(asking.wanted.share->cost) + " of a resource_budget of " +
        std::to_string(capacity_) +
        ", because it is held by tasks that wait for this batch or for others in the line: let the outer task hold "
        "what its inner batches need, or make the budget larger");
  }

  static std::chrono::steady_clock::time_point ask_again_at(bool /*has_turn*/, std::size_t /*waiting*/) noexcept {
    return std::chrono::steady_clock::time_point::max();  // whoever gives back tells it
  }

 private:
  static place* next(const place& each) noexcept { return intrusive_list<place>::next(each); }

  static void forget_served(const places& line) noexcept {
    for (place* each = line.all.first(); each != nullptr; each = next(*each)) each->served = false;
  }

  /// How much is stuck for those in line that are not served. Sets `keeps` of each place. Takes the time of all
  /// shares for each nested batch in line, so it is called only if there is one and if somebody must wait.
  std::uint64_t stuck(const places& line) noexcept {
    ++count_;
    std::uint64_t sum = 0;
    for (place* each = line.all.first(); each != nullptr; each = next(*each)) {
      each->keeps = false;
      if (each->who.started_in == nullptr || each->served) continue;
      for (budget_share* held = held_.first(); held != nullptr; held = intrusive_list<budget_share>::next(*held)) {
        const std::uint64_t holder = held->holder.load(std::memory_order_relaxed);
        if (holder == 0 || !each->who.started_in->keeps_waiting(holder)) continue;
        each->keeps = true;
        if (held->counted_in == count_) continue;
        held->counted_in = count_;
        sum += held->cost;
      }
    }
    return sum;
  }

  const std::uint64_t capacity_;
  std::uint64_t in_use_ = 0;  // never more than the capacity, so no sum overflows
  std::uint64_t count_ = 0;
  intrusive_list<budget_share> held_;
};

}  // namespace fanout::detail
