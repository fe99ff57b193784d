#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>

#include "fanout/limits.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// In which order a stream gives its results.
enum class delivery {
  in_order,      ///< In the order of the source.
  as_completed,  ///< Each result as soon as there is one: a slow item holds back none of the others.
};

/// The options of one stream. A plain aggregate for designated initialisers:
///
///     fanout::stream_in_parallel(lines, count_words, {.concurrency = 4, .ahead = 64});
struct stream_options {
  /// How many items may be mapped at once: 1 … `max_concurrency()`, `automatic` for one for each core, or `unlimited`
  /// for as many as the look-ahead allows, up to 1,024. The reading thread does not count: it maps nothing (with one
  /// exception: see `stream`). On an executor, `automatic` means the executor's limit, and a larger limit is reduced
  /// to it.
  concurrency_limit concurrency = automatic;

  /// How many items may be in the stream at once, from 1 to 2^30: an item counts from when it is read from the source
  /// until the reader has moved on from its result. So the source is never read further ahead than this. 0 is twice
  /// the concurrency. Cheap items need more to be efficient: 1,024 if an item takes less than a microsecond.
  std::size_t ahead = 0;

  /// See `delivery`.
  delivery order = delivery::in_order;

  /// After a stop is requested, nothing is read from the source and no item is started. Running mappers see the
  /// request in their `task_context`. The reader gets `operation_cancelled` when it asks for the next result.
  std::stop_token stop{};

  /// How long the stream may take, from the call until the reader has got its last result, with all waits and the
  /// reader's own work. When the time is over, it ends as after a stop, but the reader gets `deadline_exceeded`: see
  /// `run_options::timeout`.
  std::chrono::nanoseconds timeout = no_limit;

  /// What `task_context::seed()` is computed from.
  std::uint64_t seed = 0;
};

}  // namespace fanout
