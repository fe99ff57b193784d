// A batch with a limit of time, the first of several mirrors that answers, and a batch that gives up after some failures.
#include <fanout/fanout.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Stands for a download: takes that long, unless it is told that its result is not needed any more.
std::string download(const std::string& mirror, std::chrono::milliseconds time, const fanout::task_context& context) {
  for (auto waited = 0ms; waited < time; waited += 1ms) {
    if (context.stop_requested()) throw std::runtime_error(mirror + ": given up");
    std::this_thread::sleep_for(1ms);
  }
  return "the page, from " + mirror;
}

}  // namespace

int main() {
  using fanout::task_context;

  // The first mirror that answers; the others are told to stop, and have ended when the call returns.
  const std::vector<std::function<std::string(const task_context&)>> mirrors = {
      [](const task_context& context) { return download("the slow mirror", 60'000ms, context); },
      [](const task_context&) -> std::string { throw std::runtime_error("the broken mirror refuses"); },
      [](const task_context& context) { return download("the quick mirror", 5ms, context); },
  };
  const auto first = fanout::first_in_parallel(mirrors, {.concurrency = 3, .timeout = 30s});
  std::printf("mirror %zu gave %s\n", first.index, first.value.c_str());

  // A limit of time, with all waits. What has not started never will, and what runs is told.
  bool was_late = false;
  try {
    fanout::map_in_parallel(100, [](int i, const task_context& context) {
      return download("mirror " + std::to_string(i), 60'000ms, context);
    }, {.concurrency = 4, .timeout = 50ms});
  } catch (const fanout::deadline_exceeded& e) {
    std::printf("%s\n", e.what());
    was_late = e.completed() <= 4 && e.total() == 100;
  }

  // If every third download fails, something is wrong, and there is no need to try all of them.
  bool gave_up = false;
  try {
    fanout::map_in_parallel(10'000, [](int i) {
      if (i % 3 == 0) throw std::runtime_error("refused");
    }, {.stop_when = fanout::failures(10)});
  } catch (const fanout::aggregate_error& e) {
    std::printf("%s\n", e.what());
    gave_up = e.errors().size() >= 10 && e.errors().size() < 100;
  }

  return first.index == 2 && was_late && gave_up ? 0 : 1;
}
