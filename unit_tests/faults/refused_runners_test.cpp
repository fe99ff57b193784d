#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <thread>

#include "fanout/fanout.hpp"
#include "faults/refused_threads.hpp"
#include "faults/refusing_threads.hpp"
#include "support.hpp"

/// Thread creation fails for a scope: its constructor says so, and what it can do with fewer threads it does.
namespace {

using namespace support;
using fanout::executor;
using fanout::task_scope;

class RefusedRunnersDeathTest : public RefusedThreadsDeathTest {};

/// Whether so many tasks run together beside the owner.
template <class... On>
bool reaches_beside_its_owner(std::size_t limit, const On&... on) {
  rendezvous all(limit);
  std::atomic<std::size_t> met = 0;
  task_scope scope(on..., {.concurrency = limit});
  for (std::size_t i = 0; i != limit; ++i) scope.add([&] { met += all.meet() ? 1 : 0; });
  while (scope.progress().completed != limit) std::this_thread::yield();
  scope.join();
  return met == limit;
}

TEST_F(RefusedRunnersDeathTest, AScopeIsRefusedAtEachThreadThatItCannotHave) {
  const auto program = [] {
    constexpr std::size_t size = 8;
    for (std::size_t granted = 0; granted != size; ++granted) {
      threads::refuse_after(granted);
      require_refusal([] { const task_scope eight({.concurrency = size}); }, size + 1, granted + 1, 1);
      require(threads::existing() == 0, 4);
      threads::no_limit();
    }
    require(reaches_beside_its_owner(size), 5);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedRunnersDeathTest, AScopeOnAnExecutorNeedsOneThreadMore) {
  const auto program = [] {
    executor three({.concurrency = 3});
    require(threads::existing() == 2, 1);
    threads::refuse_after(0);
    std::optional<task_scope> scope;
    bool refused = false;
    try {
      scope.emplace(three);
    } catch (const fanout::resource_error&) {
      refused = true;
    }
    require(refused, 2);
    three.execute(std::vector(10, [] {}));
    threads::no_limit();
    require(reaches_beside_its_owner(3, three), 3);
    require(threads::existing() == 3, 4);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

}  // namespace
