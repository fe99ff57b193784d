#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include "fanout/detail/export.hpp"

namespace fanout {

/// When a batch has seen enough: the type of `run_options::stop_when`. Made by `failures`, `failed_share` and
/// `successes`; a default-constructed rule never stops a batch.
class stop_rule {
 public:
  /// The rule that never stops a batch.
  constexpr stop_rule() noexcept = default;

  /// Whether this rule may stop a batch.
  constexpr bool is_set() const noexcept { return what_ != kind::never; }

  /// For the library: whether a batch of which so many tasks have ended, and so many of these failed, is stopped.
  constexpr bool stops(std::size_t ended, std::size_t failed) const noexcept {
    switch (what_) {
      case kind::never:
        return false;
      case kind::failures:
        return failed >= number_;
      case kind::failed_share:
        return ended >= number_ && failed != 0 && static_cast<double>(failed) >= least_failed(ended);
      case kind::successes:
        return ended >= failed && ended - failed >= number_;
    }
    return false;
  }

 private:
  /// A little less than the product, which may have been rounded up: 7 of 100 are a share of 0.07, and one of 10 is a
  /// share of 0.1 in whatever direction the tasks round.
  constexpr double least_failed(std::size_t ended) const noexcept {
    return share_ * static_cast<double>(ended) * (1 - 1e-14);
  }

  friend constexpr stop_rule failures(std::size_t number);
  friend constexpr stop_rule failed_share(double share, std::size_t at_least);
  friend constexpr stop_rule successes(std::size_t number);

  enum class kind { never, failures, failed_share, successes };

  constexpr stop_rule(kind what, std::size_t number, double share) : what_(what), number_(number), share_(share) {}

  kind what_ = kind::never;
  std::size_t number_ = 0;
  double share_ = 0;
};

/// Stops the batch when so many of its tasks have failed. Throws `std::invalid_argument` for 0.
constexpr stop_rule failures(std::size_t number) {
  if (number == 0) throw std::invalid_argument("failures takes a number of at least 1; got 0");
  return {stop_rule::kind::failures, number, 0};
}

/// Stops the batch when that share of the tasks that have ended has failed, but not before `at_least` have ended:
/// `failed_share(0.1)` stops when a tenth has failed. Throws `std::invalid_argument` unless the share is more than 0
/// and at most 1.
constexpr stop_rule failed_share(double share, std::size_t at_least = 20) {
  if (!(share > 0 && share <= 1))
    throw std::invalid_argument("failed_share takes a share of more than 0 and at most 1; got " + std::to_string(share));
  return {stop_rule::kind::failed_share, at_least, share};
}

/// Stops the batch when so many of its tasks have returned. Throws `std::invalid_argument` for 0. The results of a
/// batch that is stopped are lost, except as outcomes: use it with `settle_in_parallel` or `settle_map`, or see
/// `first_in_parallel`.
constexpr stop_rule successes(std::size_t number) {
  if (number == 0) throw std::invalid_argument("successes takes a number of at least 1; got 0");
  return {stop_rule::kind::successes, number, 0};
}

}  // namespace fanout
