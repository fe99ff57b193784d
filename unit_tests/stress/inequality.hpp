#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "record.hpp"

/// How the tasks of a batch are unequal, in its plan: who comes first, what each costs, and how often it is tried.
namespace stress {

/// What all drivers share. Tasks that hold some of a budget start only batches that use the same or a later one:
/// fanout finds out if a task would wait for what it holds itself, but not if two tasks wait for two budgets
/// crosswise.
inline constexpr std::uint64_t shared_budgets[] = {10, 3};
struct planned_rate {
  std::size_t starts;
  std::chrono::nanoseconds per;
};
inline constexpr planned_rate shared_rates[] = {{40, std::chrono::milliseconds(4)}, {4, std::chrono::milliseconds(2)}};

enum class priority_use { none, all_equal, last_first, in_groups, scrambled };

/// What a rule of the user says: yes, not yet to some questions, never to some tasks (also to some that were admitted
/// before), or it throws.
enum class rule_use { none, admits, delays, refuses, throws };

/// A guard of memory, when there is enough, or when there is none.
enum class guard_use { none, enough, low };

inline std::int64_t priority_of(priority_use use, std::size_t index) {
  const auto place = static_cast<std::int64_t>(index);
  switch (use) {
    case priority_use::none:
    case priority_use::all_equal:
      return -7;
    case priority_use::last_first:
      return place;
    case priority_use::in_groups:
      return place % 3 - 1;
    case priority_use::scrambled:
      return static_cast<std::int64_t>((index + 1) * 0x9e3779b97f4a7c15U);
  }
  return 0;
}

/// The place of each task in the order of starts.
inline std::vector<std::size_t> ranks_of(priority_use use, std::size_t size) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [use](std::size_t one, std::size_t other) {
    const std::int64_t first = priority_of(use, one);
    const std::int64_t second = priority_of(use, other);
    return first != second ? first > second : one < other;
  });
  std::vector<std::size_t> ranks(size);
  for (std::size_t rank = 0; rank != size; ++rank) ranks[order[rank]] = rank;
  return ranks;
}

struct inequality {
  priority_use priority = priority_use::none;
  std::array<std::uint64_t, std::size(shared_budgets)> most_cost{};  // 0: does not use it
  std::array<bool, std::size(shared_rates)> rates{};
  std::uint64_t own_budget = 0;  // its capacity; 0: none
  rule_use rule = rule_use::none;
  std::size_t rule_throws_at = 0;
  guard_use guard = guard_use::none;
  bool in_reverse = false;  // the order in which its options name the admissions
  retry_rule retry;
  std::size_t when_throws_at = 0;  // which call of `retry_policy::when`; 0: none

  bool has_budget() const { return most_cost != decltype(most_cost){}; }
  bool has_rate() const { return std::find(rates.begin(), rates.end(), true) != rates.end(); }
  bool admits() const {
    return has_budget() || has_rate() || own_budget != 0 || rule != rule_use::none || guard != guard_use::none;
  }
  bool is_any() const { return priority != priority_use::none || retry.again != 0 || admits(); }

  std::uint64_t cost(std::size_t budget, std::size_t index) const { return cost_of(most_cost[budget], index + budget); }
  std::uint64_t own_cost(std::size_t index) const { return cost_of(own_budget, index); }

 private:
  static std::uint64_t cost_of(std::uint64_t most, std::size_t index) { return (index * 7 + most) % (most + 1); }
};

}  // namespace stress
