#pragma once

#include "../../source/tuning/async_rounds.hpp"

namespace perf {

/// The one that `fanout::compare` measures.
class std_async : public fanout::detail::async_rounds {
 public:
  using async_rounds::async_rounds;
  static constexpr const char* name = "std_async";
  static constexpr bool thread_per_task = true;
};

}  // namespace perf
