#pragma once

#include "../../source/tuning/thread_pool.hpp"

namespace perf {

/// The one that `fanout::compare` measures.
class std_thread_pool : public fanout::detail::thread_pool {
 public:
  using thread_pool::thread_pool;
  static constexpr const char* name = "std_thread_pool";
};

}  // namespace perf
