#include <sched.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <fanout/fanout.hpp>

#include "../support.hpp"

/// A program whose threads OpenMP may bind, depending on the environment. Says on one line what fanout makes of it.
namespace {

cpu_set_t own_mask() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) std::exit(2);
  return mask;
}

/// Whether as many tasks of an automatic batch are in flight at once as `available_concurrency()` says.
bool reaches_it() {
  const std::size_t size = fanout::available_concurrency();
  support::rendezvous all(size);
  std::atomic<std::size_t> met = 0;
  fanout::execute_in_parallel(std::vector(size, [&] { met += all.meet() ? 1 : 0; }));
  return met == size;
}

void say() {
  const cpu_set_t before = own_mask();
  const bool reached = reaches_it();
  const cpu_set_t after = own_mask();
  std::printf("cpus=%d available=%zu reached=%d kept=%d\n", CPU_COUNT(&before), fanout::available_concurrency(),
              reached ? 1 : 0, CPU_EQUAL(&before, &after) != 0 ? 1 : 0);
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i != argc; ++i) {
    if (std::strcmp(argv[i], "parallel") == 0) {
      std::atomic<int> threads = 0;
#pragma omp parallel
      ++threads;
      if (threads == 0) return 1;
    } else if (std::strcmp(argv[i], "from_a_thread") == 0) {
      std::thread(say).join();
      return 0;
    }
  }
  say();
}
