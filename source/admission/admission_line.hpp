#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "admission/gate.hpp"
#include "admission/line_places.hpp"
#include "base/primitives.hpp"

namespace fanout::detail {

/// The batches that wait for something they share, a `Stock`: a budget, or the starts of a rate. First come, first
/// served: only the batch whose turn it is may take, and that is the first in line, unless the stock knows that
/// waiting for it would be a deadlock.
///
/// One that is not the first may take, too, if the stock knows that enough is left for all before it: they have been
/// told, or are about to be, and would only be waited for.
///
/// **Nobody is forgotten.** A batch that may take is told, and asks. It may have become the one that may take for one
/// of four reasons, and the thread that caused it tells it, under the same mutex: something was given back
/// (`change`); the one before it has taken, or has left, or has stepped aside. (A fifth reason is that time has
/// passed. Then nobody caused it, so a stock that depends on time makes each batch ask again at a time.)
///
/// **To step aside.** A batch that is told, but waits for a place of its executor, cannot ask soon, and the place may
/// be held by a task that is behind it in this line. So it leaves the line, and comes back when it asks. It keeps its
/// number, so it is then before all that came after it.
///
/// `Stock` is guarded by the mutex of the line. It has
///
///     struct want;
///     line_place<want>* turn(const line_places<want>&) noexcept;  // who may take next; null only if nobody is in line
///     bool fits(const want&) const noexcept;             // whether the one whose turn it is could take now
///     bool is_worth_asking(const want&) const noexcept;  // whether it should ask now: if it fits, or to learn a time
///     bool leaves_enough(const line_places<want>&, const line_place<want>& asking) const noexcept;  // for all before it
///     void take(const want&);                            // requires that it fits; if it throws, it has taken nothing
///     void check_wait(const line_places<want>&, const line_place<want>& asking);  // throws if the wait has no end
///     time_point ask_again_at(bool has_turn, std::size_t waiting) const noexcept;
template <class Primitives, class Stock>
class basic_admission_line {
 public:
  using want = typename Stock::want;
  using place = line_place<want>;
  using time_point = std::chrono::steady_clock::time_point;

  struct reply {
    bool taken = false;
    time_point again_at = time_point::max();  // if it is not taken: when to ask again, though nobody tells it
  };

  template <class... Arguments>
  explicit basic_admission_line(Arguments&&... stock) : stock_(std::forward<Arguments>(stock)...) {}

  /// The batch will ask. Throws `std::invalid_argument` if it has a place already: it would hold what it has got by
  /// one while it waits with the other.
  void open(place& mine) {
    const auto lock = Primitives::lock(mutex_);
    if (!users_.insert(&mine.who).second)
      throw std::invalid_argument("a batch can use a resource_budget or rate_limit only once: add up what a task costs");
  }

  /// The place will be destroyed.
  void close(place& mine) noexcept {
    const auto lock = Primitives::lock(mutex_);
    if (mine.number != 0) give_up(mine);
    users_.erase(&mine.who);
  }

  /// Takes what is wanted, if it is the turn of this batch and it is there. Otherwise the batch is in line from now
  /// on. If this throws, it is not.
  reply ask(place& mine, const want& wanted) {
    const auto lock = Primitives::lock(mutex_);
    if (mine.number == 0) mine.number = ++arrivals_;
    mine.wanted = wanted;
    if (!mine.in_line) line_.enter(mine);
    try {
      pass_those_that_cannot_ask(mine);
      const bool has_turn = stock_.turn(line_) == &mine;
      if ((has_turn && stock_.fits(wanted)) || stock_.leaves_enough(line_, mine)) {
        stock_.take(wanted);
        give_up(mine);
        return {true};
      }
      stock_.check_wait(line_, mine);
      return {false, stock_.ask_again_at(has_turn, line_.all.size())};
    } catch (...) {
      give_up(mine);
      throw;
    }
  }

  /// The batch waits no more, and takes nothing. Does nothing if it does not wait.
  void leave(place& mine) noexcept {
    const auto lock = Primitives::lock(mutex_);
    if (mine.number != 0) give_up(mine);
  }

  /// The batch cannot ask soon. It keeps its number. Does nothing if it is not in line.
  void step_aside(place& mine) noexcept {
    const auto lock = Primitives::lock(mutex_);
    if (!mine.in_line) return;
    line_.remove(mine);
    tell_next();
  }

  /// Calls `change(stock)`. If that returns true, the one whose turn it is may have something to ask for.
  template <class Change>
  void change(Change change) noexcept {
    const auto lock = Primitives::lock(mutex_);
    if (change(stock_)) tell_next();
  }

  /// Calls `look(stock)`.
  template <class Look>
  auto look(Look look) const noexcept {
    const auto lock = Primitives::lock(mutex_);
    return look(stock_);
  }

  std::size_t waiting() const noexcept {
    const auto lock = Primitives::lock(mutex_);
    return line_.all.size();
  }

 private:
  // The caller of the following functions holds the mutex.

  void give_up(place& mine) noexcept {
    if (mine.in_line) line_.remove(mine);
    mine.number = 0;
    tell_next();
  }

  /// Tells the batch whose turn it is, if it should ask. Whoever cannot ask steps aside.
  void tell_next() noexcept {
    while (place* const next = stock_.turn(line_)) {
      if (!stock_.is_worth_asking(next->wanted) || next->who.ask_again()) return;
      line_.remove(*next);
    }
  }

  /// Where time has passed, one before `asking` may have been able to take for a while, and not have been told. So it
  /// is told now, and steps aside if it cannot ask. `asking` itself is not told, because it asks already.
  void pass_those_that_cannot_ask(const place& asking) noexcept {
    for (place* next = stock_.turn(line_); next != &asking; next = stock_.turn(line_)) {
      if (!stock_.fits(next->wanted) || next->who.ask_again()) return;
      line_.remove(*next);
    }
  }

  mutable typename Primitives::mutex mutex_;  // guards everything here, and the places
  Stock stock_;
  line_places<want> line_;
  std::uint64_t arrivals_ = 0;
  std::unordered_set<const applicant*> users_;
};

}  // namespace fanout::detail
