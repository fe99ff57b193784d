#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Functions that several threads of a batch call at once.
namespace support {

using work = std::function<void()>;

/// Calls `f` on `size` threads at once: `run` runs so many tasks, which meet first. False if they did not.
template <class Run>
bool on_all(std::size_t size, const Run& run, const work& f = [] {}) {
  rendezvous all(size);
  std::atomic<bool> met = true;
  run(std::vector<work>(size, [&] {
    if (!all.meet()) met = false;
    f();
  }));
  return met;
}

/// Calls `f` on the calling thread and on three of fanout's own.
inline bool on_four(const work& f) {
  return on_all(4, [](const std::vector<work>& tasks) { fanout::execute_in_parallel(tasks, 4); }, f);
}

inline bool on_four_of(const fanout::executor& some, const work& f) {
  return on_all(4, [&](const std::vector<work>& tasks) { some.execute(tasks); }, f);
}

inline constexpr std::size_t mebibyte = std::size_t{1} << 20U;

}  // namespace support
