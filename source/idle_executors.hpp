#pragma once

#include <cstddef>
#include <memory>

#include "executor_core.hpp"

/// The executors behind the free calls. Each call borrows one of its size and has it alone until it returns, so
/// that nested and simultaneous calls never wait for each other, and a warm call creates nothing.
namespace fanout::detail::idle_executors {

struct give_back {
  void operator()(executor_core* core) const noexcept;
};
using loan = std::unique_ptr<executor_core, give_back>;

/// An executor of this limit, idle or new. Throws as `make`.
loan borrow(std::size_t limit, bool named);

/// A new executor, here or for a user. Throws `resource_error` if its threads cannot be had, even when all idle
/// executors are given up for them.
std::unique_ptr<executor_core> make(std::size_t limit, bool named, executor_core::sharing use);

}  // namespace fanout::detail::idle_executors
