// Tasks of two batches write one int. Each batch has an executor and a calling thread of its own, so nothing orders the
// two but the signal: what `source/threads/tsan.hpp` says of the one must not count for the other. The executors are automatic,
// with workers of oneTBB: the mutex under which reserves are called would order the batches.
// expect: data race.*write_of_the_second_batch.*write_of_the_first_batch

#include <fanout/fanout.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "planted.hpp"

namespace {

using std::chrono::milliseconds;

int shared = 0;

PLANTED void write_of_the_first_batch() { shared = 1; }
PLANTED void write_of_the_second_batch() { shared = 2; }

/// Calls `write` in a task on the calling thread, so long after a helper has run the other task.
void run_batch(fanout::executor& executor, void (*write)(), milliseconds later) {
  const std::thread::id caller = std::this_thread::get_id();
  planted::meeting both_run;
  const auto task = [&] {
    both_run.join();
    if (std::this_thread::get_id() != caller) return;
    std::this_thread::sleep_for(later);
    write();
  };
  executor.execute(std::vector<std::function<void()>>{task, task});
}

/// The helper of both batches may be one and the same worker of oneTBB. If it sees that the first calling thread is done
/// with the first batch, there is an order after all: from that thread to the worker, and on to the second one. So the
/// worker has so long to leave the first batch before the write.
void run_round(milliseconds to_leave) {
  fanout::executor one;
  fanout::executor other;
  planted::signal ended;
  std::thread second([&] {
    ended.await();
    run_batch(other, write_of_the_second_batch, milliseconds(0));
  });
  run_batch(one, write_of_the_first_batch, to_leave);
  ended.give();
  second.join();
}

}  // namespace

int main() {
  if (fanout::available_concurrency() < 2) {
    std::puts("skipped: there is no worker of oneTBB's on one core");
    return 0;
  }
  using namespace std::chrono_literals;
  for (const milliseconds to_leave : {1ms, 10ms, 100ms, 1000ms}) run_round(to_leave);
  return shared == 2 ? 0 : 1;  // nobody else would read it, and the compiler leave out the writes
}
