// Batches beside their caller: it goes on, looks at the batches, fetches their results, or drops them.
#include <fanout/fanout.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct page {
  std::string text;
};

page load(const std::string& name) {
  std::this_thread::sleep_for(5ms);
  if (name == "missing") throw std::runtime_error("there is no " + name);
  return {"text of " + name};
}

// The batch owns the names, so they may end before it.
fanout::batch<page> begin_to_load(std::vector<std::string> names) {
  return fanout::submit_map(std::move(names), load, {.concurrency = 4});
}

int results_later() {
  fanout::batch<page> pages = begin_to_load({"a", "b", "c", "d", "e"});
  const int other_work = 42;  // is done meanwhile
  return other_work == 42 && pages.get().at(4).text == "text of e" ? 0 : 1;
}

int errors_later() {
  fanout::batch<page> pages = begin_to_load({"a", "missing", "c"});
  try {
    pages.get();
  } catch (const fanout::task_error& e) {
    std::printf("%s\n", e.what());  // task 1 failed: there is no missing
    return e.index() == 1 ? 0 : 1;
  }
  return 1;
}

int dropped() {
  std::atomic<int> running = 0;
  {
    const auto endless = fanout::submit_map(1'000'000, [&](int, const fanout::task_context& context) {
      ++running;
      while (!context.stop_requested()) std::this_thread::sleep_for(1ms);
      --running;
    });
    std::this_thread::sleep_for(5ms);
  }  // requests the stop, and waits until no task runs
  return running == 0 ? 0 : 1;
}

// Several batches in flight share the limit of an executor. Those that have no place yet hold no thread.
int in_flight() {
  const fanout::executor disk({.concurrency = 2});
  std::vector<fanout::batch<page>> all;
  for (const std::string directory : {"x", "y", "z"})
    all.push_back(disk.submit_map(std::vector{directory + "1", directory + "2"}, load));
  std::size_t pages = 0;
  for (fanout::batch<page>& each : all) pages += each.get().size();
  return pages == 6 ? 0 : 1;
}

}  // namespace

int main() { return results_later() + errors_later() + dropped() + in_flight(); }
