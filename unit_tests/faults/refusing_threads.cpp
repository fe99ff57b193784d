#include "faults/refusing_threads.hpp"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace support::threads {
namespace {

constinit std::atomic<std::size_t> most{SIZE_MAX};
constinit std::atomic<std::size_t> calls_left{SIZE_MAX};
constinit std::atomic<std::size_t> alive{0};

struct start {
  void* (*function)(void*);
  void* argument;
};

void* run(void* given) {
  const start begin = *static_cast<start*>(given);
  std::free(given);
  void* const result = begin.function(begin.argument);
  alive.fetch_sub(1);
  return result;
}

/// Takes one away unless none is left.
bool take(std::atomic<std::size_t>& left) {
  std::size_t seen = left.load();
  while (seen != 0) {
    if (left.compare_exchange_weak(seen, seen - 1)) return true;
  }
  return false;
}

bool count_in() {
  std::size_t seen = alive.load();
  while (seen < most.load()) {
    if (alive.compare_exchange_weak(seen, seen + 1)) return true;
  }
  return false;
}

}  // namespace

void limit(std::size_t threads) { most = threads; }
std::size_t existing() { return alive; }
void refuse_after(std::size_t calls) { calls_left = calls; }
void no_limit() {
  most = SIZE_MAX;
  calls_left = SIZE_MAX;
}

}  // namespace support::threads

// A sanitizer that is linked into the program must hear of each thread. It is there, under this name, and not among the
// libraries, where dlsym() looks.
extern "C" __attribute__((weak)) int __interceptor_pthread_create(  // NOLINT: the name is the sanitizer's
    pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*function)(void*),
                              void* argument) noexcept {
  using namespace support::threads;
  using system_call = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto next = &__interceptor_pthread_create != nullptr
                               ? &__interceptor_pthread_create
                               : reinterpret_cast<system_call>(dlsym(RTLD_NEXT, "pthread_create"));
  if (!take(calls_left) || !count_in()) return EAGAIN;
  // malloc, because `operator new` may be the one that refuses.
  auto* const begin = static_cast<start*>(std::malloc(sizeof(start)));
  if (begin != nullptr) *begin = {function, argument};
  const int failure = begin == nullptr ? EAGAIN : next(thread, attributes, &run, begin);
  if (failure != 0) {
    alive.fetch_sub(1);
    std::free(begin);
  }
  return failure;
}
