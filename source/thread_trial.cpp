#include "thread_trial.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cpu_quota.hpp"

namespace fanout::detail {
namespace {

class thread_attributes {
 public:
  explicit thread_attributes(std::size_t stack_size) : usable_(pthread_attr_init(&attributes_) == 0) {
    if (usable_ && stack_size != 0) pthread_attr_setstacksize(&attributes_, stack_size);
  }
  thread_attributes(const thread_attributes&) = delete;
  thread_attributes& operator=(const thread_attributes&) = delete;
  ~thread_attributes() {
    if (usable_) pthread_attr_destroy(&attributes_);
  }

  const pthread_attr_t* get() const { return usable_ ? &attributes_ : nullptr; }  // null: those of the system
  std::size_t stack_size() const {
    std::size_t size = 0;
    const bool known = usable_ && pthread_attr_getstacksize(&attributes_, &size) == 0 && size != 0;
    return known ? size : std::size_t{8} << 20U;
  }

 private:
  pthread_attr_t attributes_{};
  const bool usable_;
};

/// The addresses that the process may still use, in bytes; none if they are not limited, or nobody knows.
std::optional<std::size_t> addresses_left() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  const std::optional<std::string> pages = read_small_file("/proc/self/statm");  // the first number: the whole size
  if (!pages) return std::nullopt;
  const std::size_t used =
      std::strtoul(pages->c_str(), nullptr, 10) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

/// How many new threads make a heap of their own; the others share them.
std::size_t most_heaps() {
#if defined(__GLIBC__)
  const char* const named = std::getenv("MALLOC_ARENA_MAX");  // NOLINT(concurrency-mt-unsafe): as glibc reads it
  const std::size_t most = named != nullptr ? std::strtoul(named, nullptr, 10) : 0;
  return most != 0 ? most - 1 : 8 * std::size_t{std::thread::hardware_concurrency()};  // one is the main thread's
#else
  return 0;
#endif
}

/// How many of `wanted` threads there are addresses for, if `left` are left.
std::size_t threads_in_reach(std::size_t wanted, std::size_t stack_size, std::size_t left) {
  constexpr std::size_t heap_size = std::size_t{64} << 20U;
  constexpr std::size_t for_others = std::size_t{16} << 20U;  // for oneTBB, the tasks, and the rest of the program
  const std::size_t usable = left - std::min(left, for_others);
  const std::size_t with_heap = std::min({wanted, most_heaps(), usable / (stack_size + heap_size)});
  if (with_heap < most_heaps()) return with_heap;
  const std::size_t without_heap = (usable - with_heap * (stack_size + heap_size)) / stack_size;
  return std::min(wanted, with_heap + without_heap);
}

void* wait_for_end(void* end) {
  static_cast<std::latch*>(end)->wait();
  return nullptr;
}

}  // namespace

// Where addresses are limited they are reckoned, and the threads that are tried get small stacks. For oneTBB may be
// starting threads just now, which it was granted before and which are among those that are tried: full stacks for both
// could be too many, and it would end the process. (pthreads, because std::thread cannot be given a stack size.)
std::size_t create_together(std::size_t wanted, std::size_t stack_size) {
  constexpr std::size_t small_stack = std::size_t{256} << 10U;
  const std::size_t full_stack = thread_attributes(stack_size).stack_size();
  const std::optional<std::size_t> left = addresses_left();
  if (left) {
    const std::size_t in_reach = threads_in_reach(wanted, full_stack, *left);
    if (in_reach < wanted) return in_reach;
  }

  const thread_attributes attributes(left ? std::min(small_stack, full_stack) : stack_size);
  std::vector<pthread_t> threads;
  threads.reserve(wanted);
  std::latch end(1);
  while (threads.size() != wanted) {
    pthread_t thread{};
    if (pthread_create(&thread, attributes.get(), &wait_for_end, &end) != 0) break;
    threads.push_back(thread);
  }
  end.count_down();
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  return threads.size();
}

}  // namespace fanout::detail
