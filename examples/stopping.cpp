// Stopping a batch from outside and from within, and an inner batch with its outer one.
#include <fanout/fanout.hpp>

#include <atomic>
#include <cstdio>
#include <functional>
#include <ranges>
#include <stop_token>
#include <vector>

int main() {
  // From outside: a signal handler, a user interface or a timer would request the stop.
  std::stop_source stop;
  bool cancelled = false;
  try {
    fanout::map_in_parallel(
        std::views::iota(0, 1'000'000),
        [&](int i) {
          if (i == 1'000) stop.request_stop();
        },
        {.stop = stop.get_token()});
  } catch (const fanout::operation_cancelled& e) {
    std::printf("%s\n", e.what());
    cancelled = e.completed() < e.total();
  }

  // A long task asks now and then whether its result still matters; it hands the question on to an inner batch.
  std::atomic<bool> inner_stopped{false};
  const std::vector<std::function<void(const fanout::task_context&)>> tasks = {
      [&](const fanout::task_context& context) {
        try {
          fanout::map_in_parallel(
              std::views::iota(0, 8),
              [](int, const fanout::task_context& inner) {
                while (!inner.stop_requested()) {
                }
              },
              {.stop = context.stop_token()});
        } catch (const fanout::operation_cancelled&) {
          inner_stopped = true;
        }
      },
      [](const fanout::task_context&) { throw 42; },  // stops the outer batch
  };
  bool told_the_cause = false;
  try {
    fanout::execute_in_parallel(tasks, 2);
  } catch (const fanout::task_error& e) {
    std::printf("%s\n", e.what());
    told_the_cause = e.index() == 1;
  }

  return cancelled && inner_stopped && told_the_cause ? 0 : 1;
}
