#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace tool {

/// A bar on standard error that shows how far the tasks are. A thread of its own draws it ten times a second
/// from one counter, so that every competitor pays the same for it: one atomic increment a task.
class progress_bar {
 public:
  /// Draws nothing, ever, unless `visible`. `total` is the number of tasks of all runs.
  progress_bar(bool visible, std::size_t total);

  /// Erases the bar: the line is empty again.
  ~progress_bar();
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;

  /// Names what is measured from now on.
  void describe(std::string_view activity);

  /// Writes something else to the terminal: `write` finds an empty line. The bar comes back below what was written,
  /// which must end its line; while it does not, no bar is drawn.
  void write_beside(bool ends_line, const std::function<void()>& write);

  /// So many have ended, for those who count in other steps.
  void reach(std::size_t completed) noexcept { completed_.store(completed, std::memory_order_relaxed); }

  /// One more task has ended. Any thread may call it.
  void advance() noexcept {
    // Relaxed: the number is shown, nothing is concluded from it.
    if (visible_) completed_.fetch_add(1, std::memory_order_relaxed);
  }

 private:
  void draw();

  const bool visible_;
  const std::size_t total_;
  std::atomic<std::size_t> completed_{0};
  std::mutex mutex_;  // guards activity_
  std::string activity_;
  std::mutex drawing_;  // held while something is written to the terminal; guards ends_line_
  bool ends_line_ = true;
  std::jthread thread_;
};

/// Whether a bar on standard error would be seen: it is a terminal that understands escape sequences.
bool terminal_shows_progress();

/// The text of the bar, never wider than `columns`.
std::string render_progress(std::size_t completed, std::size_t total, std::string_view activity, std::size_t columns);

}  // namespace tool
