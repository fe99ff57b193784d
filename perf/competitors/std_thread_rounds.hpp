#pragma once

#include "../../source/tuning/thread_rounds.hpp"

namespace perf {

/// The one that `fanout::compare` measures.
class std_thread_rounds : public fanout::detail::thread_rounds {
 public:
  using thread_rounds::thread_rounds;
  static constexpr const char* name = "std_thread_rounds";
  static constexpr bool thread_per_task = true;
};

}  // namespace perf
