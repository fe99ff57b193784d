// Threads with large stacks for a deep recursion, and giving up what is idle so that oneTBB can shut down.
#include <fanout/fanout.hpp>

#include <oneapi/tbb/global_control.h>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace {

struct list {
  int value = 0;
  std::unique_ptr<list> rest;
};

std::unique_ptr<list> count_down(int from) {
  std::unique_ptr<list> all;
  for (int i = 1; i <= from; ++i) all = std::make_unique<list>(list{i, std::move(all)});
  return all;
}

long sum(const list* of) { return of == nullptr ? 0 : of->value + sum(of->rest.get()); }

// A recursive destructor would need as much stack as the sum.
void clear(std::unique_ptr<list> all) {
  while (all) all = std::move(all->rest);
}

long sum_of_a_long_list(int length) {
  std::unique_ptr<list> all = count_down(length);
  const long result = sum(all.get());
  clear(std::move(all));
  return result;
}

}  // namespace

int main() {
  oneapi::tbb::task_scheduler_handle scheduler{oneapi::tbb::attach{}};
  std::vector<long> sums;
  {
    // The calling thread runs tasks as well, on the stack that it has. That of the main thread is as large as
    // `ulimit -s` says: raise it too if the tasks need more.
    const fanout::executor deep({.concurrency = 4, .stack_size = std::size_t{64} << 20});
    sums = deep.map(std::vector(8, 20'000), sum_of_a_long_list);
  }
  for (const long each : sums) std::printf("%ld\n", each);

  fanout::release_idle();  // while fanout keeps arenas, oneTBB refuses to shut down
  const bool ended = oneapi::tbb::finalize(scheduler, std::nothrow);
  return ended && sums == std::vector<long>(8, 20'000L * 20'001 / 2) ? 0 : 1;
}
