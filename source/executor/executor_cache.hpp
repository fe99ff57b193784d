#pragma once

#include <cstddef>
#include <memory>

#include "executor/executor_core.hpp"

/// The executors behind the free calls. Each call borrows one of its size and uses it alone until it returns. So
/// nested and simultaneous calls never wait for each other, and a call that finds an idle executor creates nothing.
namespace fanout::detail::executor_cache {

struct give_back {
  void operator()(executor_core* core) const noexcept;
};
using loan = std::unique_ptr<executor_core, give_back>;

/// Lends an executor of this limit, idle or new.
loan borrow(std::size_t limit, bool named);

/// Destroys the executors that are idle now.
void clear() noexcept;

}  // namespace fanout::detail::executor_cache
