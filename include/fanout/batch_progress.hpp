#pragma once

#include <cstddef>

namespace fanout {

/// How far a batch is. `completed <= started <= total` and `failed <= completed` at every moment.
struct batch_progress {
  std::size_t started = 0;    ///< Tasks that have begun.
  std::size_t completed = 0;  ///< Tasks that have ended, with a result or a failure.
  std::size_t failed = 0;     ///< Tasks that have thrown.
  std::size_t total = 0;      ///< The size of the batch.
};

}  // namespace fanout
