#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

/// @file
/// The figures that a `resource_pool` reports.
namespace fanout {

/// Figures of a pool. Exact while nobody uses the pool. Otherwise each is read at a slightly different moment.
struct pool_statistics {
  std::size_t size = 0;            ///< The most resources that may exist.
  std::size_t idle = 0;            ///< Resources that are ready to be lent.
  std::size_t in_use = 0;          ///< Resources that are lent.
  std::size_t waiting = 0;         ///< Callers that wait for one.
  std::size_t acquired_total = 0;  ///< Leases given so far.
  std::size_t timeouts = 0;        ///< Timed calls that got no resource.
  std::size_t created = 0;         ///< Resources made by the factory.
  std::size_t discarded = 0;       ///< Resources destroyed while the pool was open.
  /// The longest time that a successful call took, if it had to wait for a release, the factory or the validation.
  std::chrono::nanoseconds longest_wait{0};
};

/// A lease that has not been given back.
struct outstanding_lease {
  std::chrono::nanoseconds held_for;  ///< The time since it was lent.
  /// The index of the task of `execute_with_pool` or `map_with_pool` that holds it; empty for other leases.
  std::optional<std::size_t> task;
};

}  // namespace fanout
