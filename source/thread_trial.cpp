#include "thread_trial.hpp"

#include <pthread.h>

#include <latch>
#include <memory>
#include <vector>

namespace fanout::detail {
namespace {

void* wait_for_end(void* end) {
  static_cast<std::latch*>(end)->wait();
  return nullptr;
}

}  // namespace

// pthreads, because std::thread cannot be given a stack size, and the size decides how many there can be.
std::size_t create_together(std::size_t wanted, std::size_t stack_size) {
  std::vector<pthread_t> threads;
  threads.reserve(wanted);
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return 0;
  if (stack_size != 0) pthread_attr_setstacksize(&attributes, stack_size);

  std::latch end(1);
  while (threads.size() != wanted) {
    pthread_t thread{};
    if (pthread_create(&thread, &attributes, &wait_for_end, &end) != 0) break;
    threads.push_back(thread);
  }
  end.count_down();
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return threads.size();
}

}  // namespace fanout::detail
