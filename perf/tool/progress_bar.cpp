#include "progress_bar.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace tool {
namespace {

constexpr std::string_view erase_line = "\r\x1b[K";

std::size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void write_to_terminal(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

}  // namespace

bool terminal_shows_progress() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && (terminal == nullptr || std::string_view(terminal) != "dumb");
}

std::string render_progress(std::size_t completed, std::size_t total, std::string_view activity,
                            std::size_t columns) {
  constexpr std::size_t width = 30;
  const double share = total == 0 ? 1 : static_cast<double>(std::min(completed, total)) / static_cast<double>(total);
  const auto filled = static_cast<std::size_t>(share * width);
  std::string text =
      fmt::format("[{:.<{}}] {:3} %  {}", std::string(filled, '#'), width, static_cast<int>(share * 100), activity);
  text.resize(std::min(text.size(), columns));
  return text;
}

progress_bar::progress_bar(bool visible, std::size_t total) try : visible_(visible), total_(total) {
  if (!visible_) return;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    std::mutex wake_mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(wake_mutex);
    while (!stop.stop_requested()) {
      draw();
      wake.wait_for(lock, stop, std::chrono::milliseconds(100), [] { return false; });
    }
  });
} catch (const std::system_error& error) {
  throw std::system_error(error.code(), "cannot start a thread for the progress bar");
}

progress_bar::~progress_bar() {
  if (!visible_) return;
  thread_.request_stop();
  thread_.join();
  if (ends_line_) write_to_terminal(erase_line);
}

void progress_bar::describe(std::string_view activity) {
  const std::lock_guard lock(mutex_);
  activity_ = activity;
}

void progress_bar::write_beside(bool ends_line, const std::function<void()>& write) {
  if (!visible_) return write();
  const std::lock_guard lock(drawing_);
  if (ends_line_) write_to_terminal(erase_line);
  ends_line_ = ends_line;
  write();
}

void progress_bar::draw() {
  std::string activity;
  {
    const std::lock_guard lock(mutex_);
    activity = activity_;
  }
  // One column less than there are: writing into the last one would wrap the line.
  const std::size_t columns = terminal_columns() - 1;
  const std::size_t completed = completed_.load(std::memory_order_relaxed);
  const std::lock_guard lock(drawing_);
  if (!ends_line_) return;
  // One write, so that a cut-off line is never seen.
  write_to_terminal(fmt::format("{}{}", erase_line, render_progress(completed, total_, activity, columns)));
}

}  // namespace tool
