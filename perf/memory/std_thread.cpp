#include <fanout/limits.hpp>

#include <memory>

#include "competitors/std_thread_pool.hpp"
#include "memory/question.hpp"

namespace {

/// What costs it memory is its queue, which grows until the last task is in it, faster than the threads empty it.
memory::map_ints make() {
  const auto pool = std::make_shared<perf::std_thread_pool>(fanout::available_concurrency());
  return [pool](const std::vector<int>& items) {
    std::vector<int> results(items.size());
    pool->run(items.size(), [&](std::size_t i) { results[i] = memory::compute(items[i]); });
    return results;
  };
}

const bool entered = [] {
  memory::enter(perf::std_thread_pool::name, make, memory::million);
  return true;
}();

}  // namespace
