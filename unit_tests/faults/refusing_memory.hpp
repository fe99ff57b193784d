#pragma once

#include <cstddef>

/// Memory that is refused when a test says so. Link refusing_memory.cpp: it replaces every form of `operator new`, and
/// what oneTBB takes its memory from.
///
/// oneTBB allocates nearly nothing by `operator new`. It looks for libtbbmalloc by `dlopen`, and takes malloc and
/// memalign if there is none. The test binary refuses that `dlopen` and offers `scalable_malloc` and its kin itself,
/// which oneTBB refers to as weak symbols. So both shares are counted, apart from each other. A task's memory comes from
/// a pool that keeps what tasks before it had; so that it can be refused each time, the binary stands in the pool's way.
///
/// `malloc` itself is left alone: what the C library and the language's run time take from it (exceptions, threads,
/// streams of C) is no promise of fanout's.
namespace support::memory {

/// Whose allocations are counted and refused.
enum class of {
  this_thread,  // all of those of the thread that asked for it
  all_threads,
};

/// From whom.
enum class source {
  language,   // operator new
  scheduler,  // oneTBB's allocator, and its pools of tasks
};

/// How long.
enum class refusal {
  once,     // that allocation alone
  then_on,  // and all after it: memory has run out
};

/// Allocations of a source are counted from 0, and the `first` is refused, while this lives. One at a time.
class shortage {
 public:
  shortage(source from, of whom, refusal how, std::size_t first);
  shortage(const shortage&) = delete;
  shortage& operator=(const shortage&) = delete;
  ~shortage();

  /// Ends it. Returns whether an allocation was refused.
  bool end();
};

/// There is memory again while this lives, within a shortage.
class relief {
 public:
  relief();
  relief(const relief&) = delete;
  relief& operator=(const relief&) = delete;
  ~relief();
};

/// The blocks of `operator new` that live, over all threads.
std::ptrdiff_t live_blocks();

}  // namespace support::memory
