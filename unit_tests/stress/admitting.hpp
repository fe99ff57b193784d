#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <vector>

#include "fanout/admission.hpp"
#include "fanout/retry_policy.hpp"
#include "inequality.hpp"
#include "observer.hpp"
#include "payload.hpp"
#include "record.hpp"
#include "world.hpp"

/// The options of a batch of unequal tasks, and what its tasks hold.
namespace stress {

class admitting {
 public:
  admitting(const inequality& what, std::size_t size, world& shared, observer& seen)
      : what_(what), shared_(shared), seen_(seen) {
    if (!what.is_any()) return;
    asked_.assign(size, observer::time());
    questions_of_.assign(size, 0);
    if (what.own_budget != 0) own_.emplace(what.own_budget);
  }
  admitting(const admitting&) = delete;
  admitting& operator=(const admitting&) = delete;

  /// Its functions refer to this object.
  std::vector<fanout::admission> options() {
    std::vector<fanout::admission> all;
    for (std::size_t which = 0; which != std::size(shared_budgets); ++which) {
      if (what_.most_cost[which] == 0) continue;
      all.push_back(shared_.budgets[which].budget.by([this, which](std::size_t index) { return what_.cost(which, index); }));
    }
    if (own_) all.push_back(own_->budget.by([this](std::size_t index) { return what_.own_cost(index); }));
    for (std::size_t which = 0; which != std::size(shared_rates); ++which) {
      if (what_.rates[which]) all.push_back(shared_.rates[which].limit);
    }
    if (what_.rule != rule_use::none) all.emplace_back([this](std::size_t index) { return answer(index); });
    if (what_.guard != guard_use::none)
      all.push_back(fanout::free_memory_above(what_.guard == guard_use::low ? ~std::uint64_t{0} : 0));
    if (what_.in_reverse) std::reverse(all.begin(), all.end());
    return all;
  }

  fanout::retry_policy retry() {
    fanout::retry_policy policy{.again = what_.retry.again,
                                .pause = what_.retry.pause,
                                .longest_pause = what_.retry.longest_pause,
                                .factor = retry_rule::factor,
                                .jitter = retry_rule::jitter};
    if (!what_.retry.is_choosy && what_.when_throws_at == 0) return policy;
    policy.when = [this](const std::exception_ptr& cause) {
      if (++whens_ != what_.when_throws_at) return what_.retry.takes(told_by(cause).cause);
      seen_.rule_throws();
      throw rule_failure();
    };
    return policy;
  }

  /// What a task holds while it runs, and the start that it was.
  class share {
   public:
    share(admitting& of, std::size_t index) : of_(of), index_(index) {
      if (!of_.what_.admits()) return;
      of_.note_start(index);
      of_.change([](measured_budget& each, std::uint64_t cost) { each.take(cost); }, index_);
    }
    share(const share&) = delete;
    share& operator=(const share&) = delete;
    ~share() {
      if (of_.what_.admits())
        of_.change([](measured_budget& each, std::uint64_t cost) { each.give_back(cost); }, index_);
    }

   private:
    admitting& of_;
    const std::size_t index_;
  };

  /// `held_around(which)`: how much of that shared budget the tasks around the batch hold. Requires that it has
  /// ended.
  template <class HeldAround>
  std::vector<amount_use> amounts(const HeldAround& held_around) const {
    std::vector<amount_use> all;
    for (std::size_t which = 0; which != std::size(shared_budgets); ++which) {
      if (what_.most_cost[which] == 0) continue;
      all.push_back(shared_.budgets[which].use());
      all.back().wanted = what_.most_cost[which];
      all.back().held_around = held_around(which);
    }
    for (std::size_t which = 0; which != std::size(shared_rates); ++which) {
      if (what_.rates[which]) all.push_back(shared_.rates[which].use());
    }
    if (own_) {
      all.push_back(own_->use());
      all.back().left = own_->budget.in_use() + own_->budget.waiting();
    }
    return all;
  }

 private:
  /// Plain variables: the batch asks by one thread at a time, and the thread sanitizer sees if it does not.
  fanout::admission_answer answer(std::size_t index) {
    asked_[index] = observer::time();
    ++questions_;
    const std::size_t asked_before = questions_of_[index]++;
    constexpr std::size_t most_delays = 20;
    if (what_.rule == rule_use::throws && questions_ == what_.rule_throws_at) {
      seen_.rule_throws();
      throw rule_failure();
    }
    if (what_.rule == rule_use::delays && questions_ % 3 == 1 && delays_ != most_delays) {
      ++delays_;
      return fanout::admission_answer::not_yet(std::chrono::microseconds(questions_ * 300 % 2'000));
    }
    const bool refuses = asked_before == 0 ? index % 7 == 2 : index % 2 == 1;
    if (what_.rule == rule_use::refuses && refuses) {
      seen_.refuses(index);
      return fanout::admission_answer::never(why_refused(index));
    }
    return fanout::admission_answer::yes();
  }

  void note_start(std::size_t index) {
    for (std::size_t which = 0; which != std::size(shared_rates); ++which) {
      if (what_.rates[which]) shared_.rates[which].window.note(asked_[index], observer::time);
    }
  }

  template <class Change>
  void change(const Change& change, std::size_t index) {
    for (std::size_t which = 0; which != std::size(shared_budgets); ++which)
      change(shared_.budgets[which], what_.cost(which, index));
    if (own_) change(*own_, what_.own_cost(index));
  }

  const inequality& what_;
  world& shared_;
  observer& seen_;
  std::optional<measured_budget> own_;
  std::vector<std::chrono::nanoseconds> asked_;  // when the task was last asked for; before that, when the batch began
  std::vector<std::size_t> questions_of_;
  std::size_t questions_ = 0;
  std::size_t delays_ = 0;
  std::atomic<std::size_t> whens_{0};
};

}  // namespace stress
