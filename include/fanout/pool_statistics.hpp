#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

/// @file
/// What a `resource_pool` tells of itself.
namespace fanout {

/// Figures of a pool. Exact when nobody uses it; while others do, they are of slightly different moments.
struct pool_statistics {
  std::size_t size = 0;                      ///< The most resources that may exist.
  std::size_t idle = 0;                      ///< Resources that are ready to be lent.
  std::size_t in_use = 0;                    ///< Resources that are lent.
  std::size_t waiting = 0;                   ///< Callers that wait for one.
  std::size_t acquired_total = 0;            ///< Leases given so far.
  std::size_t timeouts = 0;                  ///< Timed calls that got none.
  std::size_t created = 0;                   ///< Resources that the factory has made.
  std::size_t discarded = 0;                 ///< Of those, the ones that were destroyed while the pool was open.
  std::chrono::nanoseconds longest_wait{0};  ///< Of who got one: for a release, the factory, the validation.
};

/// A lease that is out.
struct outstanding_lease {
  std::chrono::nanoseconds held_for;  ///< Since it was lent.
  std::optional<std::size_t> task;    ///< The index of the task of `execute_with_pool` that holds it.
};

}  // namespace fanout
