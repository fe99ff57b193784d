// Tasks of two batches write one int. Each batch has an executor, a calling thread and helpers of its own, so nothing
// orders the two but the signal: what `source/tsan.hpp` says of the one must not count for the other.
// expect: data race.*write_of_the_second_batch.*write_of_the_first_batch

#include <fanout/fanout.hpp>

#include <functional>
#include <thread>
#include <vector>

#include "planted.hpp"

namespace {

int shared = 0;

PLANTED void write_of_the_first_batch() { shared = 1; }
PLANTED void write_of_the_second_batch() { shared = 2; }

/// Calls `write` in a task on the calling thread, while a helper runs another one.
void run_batch(fanout::executor& executor, void (*write)()) {
  const std::thread::id caller = std::this_thread::get_id();
  planted::meeting both_run;
  const auto task = [&] {
    both_run.join();
    if (std::this_thread::get_id() == caller) write();
  };
  executor.execute(std::vector<std::function<void()>>{task, task});
}

}  // namespace

int main() {
  fanout::executor one({.concurrency = 2});
  fanout::executor other({.concurrency = 2});
  planted::signal ended;
  std::thread second([&] {
    ended.await();
    run_batch(other, write_of_the_second_batch);
  });
  run_batch(one, write_of_the_first_batch);
  ended.give();
  second.join();
  return shared == 2 ? 0 : 1;  // nobody else would read it, and the compiler leave out the writes
}
