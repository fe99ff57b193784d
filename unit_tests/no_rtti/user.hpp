#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <fanout/fanout.hpp>

/// The part of a program that is compiled with -fno-rtti. It knows every public header.
namespace no_rtti {

/// Batches of each kind, on an executor, on a pool, in an arena and in a measurement: the sum of what they returned.
int use_everything();

/// `std::function`s, of which some throw: how many tasks succeeded and failed.
struct settled {
  std::size_t values = 0;
  std::size_t failures = 0;
};
settled settle(const std::vector<std::function<int()>>& tasks);

/// The handlers that caught an error of the library, in the order of `fanout/error.hpp` and `fanout/tuning_report.hpp`.
std::vector<std::string> catch_each_error();

/// What a task's `std::runtime_error("disk full")` says after `rethrow_nested`, and after `std::rethrow_if_nested` of
/// a `task_error` that is known as one.
std::string cause_by_rethrow_nested();
std::string cause_by_rethrow_if_nested();

/// Copies of the errors of a batch, made and kept here.
std::vector<fanout::task_error> failures_of_a_batch();

/// Lets an error of a batch pass through, for a caller who knows more of it.
void fail(const std::function<void()>& task);

}  // namespace no_rtti
