#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "competitors/task_batch.hpp"

namespace tool {

/// A way to run independent tasks, never more at once than it was made for. What it needs for that, such as threads
/// that wait for work, it makes in its constructor: outside the clock.
class competitor {
 public:
  competitor() = default;
  virtual ~competitor() = default;
  competitor(const competitor&) = delete;
  competitor& operator=(const competitor&) = delete;

  virtual std::string_view name() const = 0;

  /// Runs every task of the batch; outcome i belongs to task i. A task that fails does not keep the others from
  /// running. Throws only when the machine refuses what it needs, and then with no task running. After a stop the
  /// outcomes mean nothing.
  virtual std::vector<task_outcome> run(const task_batch& batch) = 0;
};

/// One task after the other, on the calling thread: what the others are measured against.
std::unique_ptr<competitor> make_serial();

/// A `fanout::executor`.
std::unique_ptr<competitor> make_fanout(std::size_t concurrency);

/// A thread for each task, in rounds: the next round starts when the last task of this one has ended, as when
/// JavaScript's `Promise.all` awaits batches.
std::unique_ptr<competitor> make_thread_rounds(std::size_t concurrency);

/// A fixed number of threads that take tasks from one queue under a mutex.
std::unique_ptr<competitor> make_thread_pool(std::size_t concurrency);

/// All of them, serial first.
std::vector<std::unique_ptr<competitor>> make_competitors(std::size_t concurrency);

/// Those that take the tasks as a stream, with at most `ahead` on the way, serial first: a fanout stream on an executor,
/// `tbb::parallel_pipeline`, and a queue of hand-written threads.
std::vector<std::unique_ptr<competitor>> make_stream_competitors(std::size_t concurrency, std::size_t ahead);

}  // namespace tool
