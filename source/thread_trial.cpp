#include "thread_trial.hpp"

#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <latch>
#include <memory>
#include <vector>

namespace fanout::detail {
namespace {

struct trial {
  std::latch end{1};
  std::atomic<std::size_t> ready{0};
};

void* take_part(void* shared) {
  trial& common = *static_cast<trial*>(shared);
  void* volatile block = std::malloc(64);  // volatile, or the compiler leaves out both calls
  std::free(block);
  common.ready.fetch_add(1, std::memory_order_release);
  common.ready.notify_one();
  common.end.wait();
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

  trial common;
  while (threads.size() != wanted) {
    pthread_t thread{};
    if (pthread_create(&thread, &attributes, &take_part, &common) != 0) break;
    threads.push_back(thread);
    common.ready.wait(threads.size() - 1, std::memory_order_acquire);
  }
  common.end.count_down();
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return threads.size();
}

}  // namespace fanout::detail
