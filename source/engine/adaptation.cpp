#include "engine/adaptation.hpp"

#include "threads/floating_point.hpp"

namespace fanout::detail {
namespace {

using namespace std::chrono_literals;

// A window holds enough tasks per runner that one task more or fewer changes little. It lasts long enough for the
// kernel to give every thread its share of the cores, but not so long that a batch of a few expensive tasks ends
// before another number of runners is tried.
constexpr std::size_t tasks_for_each = 12;
constexpr auto shortest_window = 20ms;
constexpr auto longest_window = 250ms;
constexpr std::size_t hopeless_tasks_for_each = 2;
constexpr auto hopeless_window = 10ms;
constexpr auto longest_change = 20ms;  // longest wait for helpers to arrive: the machine may lack threads for them
constexpr auto between_looks = 1ms;

}  // namespace

bool adaptation::enter() {
  std::size_t seen = at_work_.load(std::memory_order_relaxed);
  while (seen < most()) {
    if (at_work_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

bool adaptation::leave_if_too_many() {
  std::size_t seen = at_work_.load(std::memory_order_relaxed);
  while (seen > most()) {
    if (at_work_.compare_exchange_weak(seen, seen - 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

// In this order, so that helpers and leader together are never more than there are places.
void adaptation::leader_steps_aside() {
  places_.fetch_sub(1, std::memory_order_relaxed);
  at_work_.fetch_sub(1, std::memory_order_relaxed);
}

void adaptation::leader_comes_back() {
  at_work_.fetch_add(1, std::memory_order_relaxed);
  places_.fetch_add(1, std::memory_order_relaxed);
}

std::size_t adaptation::look(std::size_t limit, clock::time_point now, std::size_t completed) {
  look_again(now + between_looks);  // begin_window may set a later time
  if (since_ == clock::time_point{}) since_ = now;
  if (limit != limit_) {
    seek_within(limit, now);
    return 0;
  }
  if (!measuring_) {
    const bool changed = at_work_.load(std::memory_order_relaxed) == wanted() || now - since_ >= longest_change;
    if (changed) begin_window(now, completed);
    return 0;
  }
  const without_float_traps here;
  const std::size_t before = wanted();
  const std::size_t tasks = completed - completed_before_;
  const auto lasted = now - since_;
  const double throughput = static_cast<double>(tasks) / std::chrono::duration<double>(lasted).count();
  const bool complete = lasted >= longest_window || (lasted >= shortest_window && tasks >= tasks_for_each * before);
  const bool hopeless =
      lasted >= hopeless_window && tasks >= hopeless_tasks_for_each * before && climber_.hopeless(throughput);
  if (!complete && !hopeless) return 0;
  climber_.measured(throughput);
  has_measured_ = true;
  const std::size_t after = climber_.wanted();
  if (after == before) {
    begin_window(now, completed);
    return 0;
  }
  wanted_.store(after, std::memory_order_relaxed);
  measuring_ = false;
  since_ = now;
  return after > before ? after - before : 0;
}

void adaptation::seek_within(std::size_t limit, clock::time_point now) {
  limit_ = limit;
  const std::size_t start = std::min(wanted(), limit);
  climber_ = hill_climber(start, limit);
  wanted_.store(start, std::memory_order_relaxed);
  measuring_ = false;
  since_ = now;
}

void adaptation::begin_window(clock::time_point now, std::size_t completed) {
  measuring_ = true;
  since_ = now;
  completed_before_ = completed;
  look_again(now + hopeless_window);
}

void adaptation::look_again(clock::time_point when) {
  next_look_.store(when.time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace fanout::detail
