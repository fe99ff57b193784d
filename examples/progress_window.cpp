// A window that shows how far a batch is, and can cancel it. The thread of the window never waits for the batch.
#include <fanout/fanout.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

// In place of a window: a line of a terminal. A real one is drawn in the timer event of its toolkit.
class window {
 public:
  void draw(const fanout::batch_progress& now) {
    const std::size_t width = 40;
    const std::size_t done = now.total == 0 ? 0 : width * now.completed / now.total;
    std::printf("\r[%-40s] %zu of %zu, %zu running, %zu failed", std::string(done, '#').c_str(), now.completed, now.total,
                now.started - now.completed, now.failed);
    std::fflush(stdout);
    ++frames_;
  }

  bool cancel_was_pressed() const { return false; }
  int frames() const { return frames_; }

 private:
  int frames_ = 0;
};

}  // namespace

int main() {
  window shown;
  auto thumbnails = fanout::submit_map(200, [](int i) {
    std::this_thread::sleep_for(2ms);  // in place of work
    return i * i;
  });

  while (!thumbnails.wait_for(20ms)) {  // a timed wait runs no task, so the window stays responsive
    shown.draw(thumbnails.progress());
    if (shown.cancel_was_pressed()) thumbnails.request_stop();
  }
  shown.draw(thumbnails.progress());
  std::puts("");

  return thumbnails.get().at(3) == 9 && shown.frames() > 1 ? 0 : 1;
}
