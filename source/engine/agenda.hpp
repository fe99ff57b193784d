#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <utility>
#include <vector>

#include "fanout/run_options.hpp"

namespace fanout::detail {

/// Which task of a batch comes next: first those of the highest priority, then those of the lowest index. It holds
/// the tasks that have not been started yet, and those that are to be tried again, now or at a later time. Not for
/// several threads at once.
class agenda {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Whether a batch with these options needs an agenda.
  static bool is_wanted(const run_options& options) {
    return options.retry.again != 0 || !options.admit.empty() || static_cast<bool>(options.priority);
  }

  /// One attempt at a task.
  struct work {
    std::uint64_t rank;  // its place in the order
    std::size_t index;
    unsigned attempt = 1;
    std::exception_ptr before{};  // the failure of the attempt before
  };

  /// Calls `priority` once for each task, in the order of their indices, unless it is empty. Throws what it throws,
  /// or `std::bad_alloc`.
  agenda(std::size_t size, const std::function<std::int64_t(std::size_t)>& priority);

  /// Whether an attempt may begin now.
  bool has_ready() const { return next_new_ != size_ || !ready_.empty(); }

  /// The one that comes next. Requires that there is one.
  work take();

  /// Puts back what was taken last.
  void put_back(work&& taken) noexcept;

  /// The attempt has failed with `cause`, and another one may begin at `from`. If this throws `std::bad_alloc`,
  /// nothing has changed.
  void try_again(const work& ended, const std::exception_ptr& cause, time_point from);

  /// When the next task that pauses is ready; the end of the clock if none pauses.
  time_point next_time() const { return later_.empty() ? time_point::max() : later_.front().from; }

  /// Tasks whose pause is over are ready.
  void wake(time_point now) noexcept;

  /// Takes what is left, and calls `keep` for each task that has failed before. None is ready any more.
  template <class Keep>
  void drop_all(const Keep& keep) noexcept {
    for (const again& each : ready_) keep(each.what);
    for (const again& each : later_) keep(each.what);
    ready_.clear();
    later_.clear();
    next_new_ = size_;
  }

 private:
  struct again {
    work what;
    time_point from;
  };

  const std::uint64_t size_;
  std::vector<std::size_t> order_{};  // the index of each rank; empty if they are equal
  std::uint64_t next_new_ = 0;        // the rank of the next task that was never started
  // Heaps. Both have room for all tasks that are tried again, so that only `try_again` may fail.
  std::vector<again> ready_{};  // by rank
  std::vector<again> later_{};  // by time
  std::size_t tried_again_ = 0;
};

}  // namespace fanout::detail
