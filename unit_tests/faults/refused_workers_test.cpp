#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <ranges>

#include "fanout/fanout.hpp"
#include "faults/refused_threads.hpp"
#include "faults/refusing_threads.hpp"
#include "own_process.hpp"
#include "streams/sources.hpp"
#include "support.hpp"

/// A stream whose workers cannot be created is refused by the call, before its source is touched.
namespace {

using namespace support;
using fanout::executor;
using fanout::stream_in_parallel;

class RefusedWorkersDeathTest : public RefusedThreadsDeathTest {};

TEST_F(RefusedWorkersDeathTest, AStreamIsRefusedAtEachThreadThatItCannotHaveAndReadsNothing) {
  const auto program = [] {
    constexpr std::size_t size = 8;
    watched_source source(100);
    for (std::size_t granted = 0; granted != size; ++granted) {
      threads::refuse_after(granted);
      require_refusal([&] { stream_in_parallel(source, itself, size); }, size + 1, granted + 1, 1);
      require(threads::existing() == 0, 4);
      threads::no_limit();
    }
    require(source.reads() == 0, 5);
    require(sum_of(stream_in_parallel(source, itself, size)) == 4950, 6);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedWorkersDeathTest, AStreamNeedsNoThreadWhileItRuns) {
  const auto program = [] {
    executor three({.concurrency = 3});
    auto free = stream_in_parallel(std::views::iota(0, 100), itself, {.concurrency = 4, .ahead = 5});
    auto on_three = three.stream(std::views::iota(0, 100), itself, {.ahead = 5});
    threads::refuse_after(0);
    require(sum_of(free) == 4950, 1);
    require(sum_of(on_three) == 4950, 2);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedWorkersDeathTest, ThousandsOfStreamsNeedNoMoreThreadsThanOne) {
  const auto program = [] {
    require(sum_of(stream_in_parallel(std::views::iota(0, 10), itself, 3)) == 45, 1);
    threads::refuse_after(0);
    for (int i = 0; i != 2'000; ++i)
      require(sum_of(stream_in_parallel(std::views::iota(0, 10), itself, 3)) == 45, 2);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

}  // namespace
