#include "faults/refusing_memory.hpp"

#include <dlfcn.h>
#include <oneapi/tbb/detail/_small_object_pool.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

namespace support::memory {
namespace {

struct counter {
  std::atomic<bool> on{false};
  std::atomic<bool> everybody{false};
  std::atomic<bool> for_good{false};
  std::atomic<std::size_t> seen{0};
  std::atomic<std::size_t> first{0};
  std::atomic<bool> refused{false};
};

constinit counter counters[2];
constinit std::atomic<std::ptrdiff_t> blocks{0};
constinit thread_local bool chosen = false;
constinit std::atomic<bool> relieved{false};

/// Whether this allocation is to fail.
bool refuse(source from) {
  counter& here = counters[static_cast<int>(from)];
  if (!here.on || relieved || !(here.everybody || chosen)) return false;
  const std::size_t number = here.seen.fetch_add(1);
  if (number != here.first && !(here.for_good && number > here.first)) return false;
  here.refused = true;
  return true;
}

void* take(std::size_t size, std::size_t alignment) noexcept {
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  if (refuse(source::language)) return nullptr;
  void* const block = take(size, alignment);
  if (block != nullptr) blocks.fetch_add(1, std::memory_order_relaxed);
  return block;
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* const block = allocate(size, alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void release(void* block) noexcept {
  if (block == nullptr) return;
  blocks.fetch_sub(1, std::memory_order_relaxed);
  std::free(block);
}

}  // namespace

shortage::shortage(source from, of whom, refusal how, std::size_t first) {
  chosen = true;
  counter& here = counters[static_cast<int>(from)];
  here.everybody = whom == of::all_threads;
  here.for_good = how == refusal::then_on;
  here.seen = 0;
  here.first = first;
  here.refused = false;
  here.on = true;
}

shortage::~shortage() { end(); }

bool shortage::end() {
  chosen = false;
  bool refused = false;
  for (counter& each : counters) refused = (each.on.exchange(false) && each.refused) || refused;
  return refused;
}

relief::relief() { relieved = true; }
relief::~relief() { relieved = false; }

std::ptrdiff_t live_blocks() { return blocks; }

}  // namespace support::memory

namespace memory = support::memory;

// ── The language's: each form, because a library may have its own of those that are not replaced ────────────────

constexpr std::size_t usual = alignof(std::max_align_t);
static std::size_t number(std::align_val_t alignment) { return static_cast<std::size_t>(alignment); }

void* operator new(std::size_t n) { return memory::allocate_or_throw(n, usual); }
void* operator new[](std::size_t n) { return memory::allocate_or_throw(n, usual); }
void* operator new(std::size_t n, std::align_val_t a) { return memory::allocate_or_throw(n, number(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return memory::allocate_or_throw(n, number(a)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return memory::allocate(n, usual); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return memory::allocate(n, usual); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return memory::allocate(n, number(a));
}
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return memory::allocate(n, number(a));
}
void operator delete(void* p) noexcept { memory::release(p); }
void operator delete[](void* p) noexcept { memory::release(p); }
void operator delete(void* p, std::size_t) noexcept { memory::release(p); }
void operator delete[](void* p, std::size_t) noexcept { memory::release(p); }
void operator delete(void* p, std::align_val_t) noexcept { memory::release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { memory::release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { memory::release(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { memory::release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { memory::release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { memory::release(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { memory::release(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { memory::release(p); }

// ── oneTBB's ────────────────────────────────────────────────────────────────────────────────────────────────────

extern "C" {

void* scalable_malloc(std::size_t size) {
  return memory::refuse(memory::source::scheduler) ? nullptr : memory::take(size, usual);
}

void* scalable_aligned_malloc(std::size_t size, std::size_t alignment) {
  return memory::refuse(memory::source::scheduler) ? nullptr : memory::take(size, alignment);
}

void scalable_free(void* block) { std::free(block); }
void scalable_aligned_free(void* block) { std::free(block); }

void* dlopen(const char* file, int mode) noexcept {
  using function = void* (*)(const char*, int);
  static const auto next = reinterpret_cast<function>(dlsym(RTLD_NEXT, "dlopen"));
  if (file != nullptr && std::strstr(file, "libtbbmalloc.so") != nullptr) return nullptr;
  return next(file, mode);
}

}  // extern "C"

// Not declared in any header of oneTBB's interface; its inline code calls them, so their names and types are as fixed as
// the binary interface of libtbb.so.12.
namespace tbb::detail::r1 {

void* allocate(d1::small_object_pool*& pool, std::size_t size) {
  using function = void* (*)(d1::small_object_pool*&, std::size_t);
  static const auto next =
      reinterpret_cast<function>(dlsym(RTLD_NEXT, "_ZN3tbb6detail2r18allocateERPNS0_2d117small_object_poolEm"));
  if (memory::refuse(memory::source::scheduler)) throw std::bad_alloc();
  return next(pool, size);
}

void* allocate(d1::small_object_pool*& pool, std::size_t size, const d1::execution_data& data) {
  using function = void* (*)(d1::small_object_pool*&, std::size_t, const d1::execution_data&);
  static const auto next = reinterpret_cast<function>(
      dlsym(RTLD_NEXT, "_ZN3tbb6detail2r18allocateERPNS0_2d117small_object_poolEmRKNS2_14execution_dataE"));
  if (memory::refuse(memory::source::scheduler)) throw std::bad_alloc();
  return next(pool, size, data);
}

}  // namespace tbb::detail::r1

// oneTBB loses the memory of a task that it could not spawn, and what it had allocated before an allocation failed.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT: the name is the sanitizer's
  return "leak:scalable_aligned_malloc\nleak:scalable_malloc\n";
}
