#include "plugin.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include <fanout/fanout.hpp>

#include "../support.hpp"

#define PLUGIN_FUNCTION extern "C" [[gnu::visibility("default")]]

namespace {

using actions = std::vector<std::function<void()>>;

std::size_t named(std::size_t limit) { return limit == plugin::automatic ? fanout::automatic : limit; }

/// Whether so many tasks meet in the batch that `run` makes of them; as many as cores for an automatic one.
bool meet(std::size_t limit, const std::function<void(const actions&)>& run) {
  try {
    const std::size_t size = limit == plugin::automatic ? fanout::available_concurrency() : limit;
    support::rendezvous all(size);
    std::atomic<std::size_t> met = 0;
    run(actions(size, [&] { met += all.meet() ? 1 : 0; }));
    return met == size;
  } catch (...) {
    return false;
  }
}

}  // namespace

PLUGIN_FUNCTION bool free_call_reaches(std::size_t limit) {
  return meet(limit,
              [&](const actions& tasks) { fanout::execute_in_parallel(tasks, {.concurrency = named(limit)}); });
}

PLUGIN_FUNCTION bool executor_reaches(std::size_t limit) {
  return meet(limit, [&](const actions& tasks) { fanout::executor({.concurrency = named(limit)}).execute(tasks); });
}

PLUGIN_FUNCTION void* make_executor(std::size_t limit) {
  try {
    auto made = std::make_unique<fanout::executor>(fanout::executor_options{.concurrency = named(limit)});
    made->execute(actions(100, [] {}));
    return made.release();
  } catch (...) {
    return nullptr;
  }
}

PLUGIN_FUNCTION void destroy_executor(void* made) { delete static_cast<fanout::executor*>(made); }

PLUGIN_FUNCTION bool use_executor_of_thread(std::size_t limit) {
  static thread_local fanout::executor of_this_thread({.concurrency = named(limit)});
  return meet(limit, [&](const actions& tasks) { of_this_thread.execute(tasks); });
}
