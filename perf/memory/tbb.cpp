#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <memory>

#include "memory/question.hpp"

namespace {

memory::map_ints make() {
  const auto arena = std::make_shared<tbb::task_arena>();
  return [arena](const std::vector<int>& items) {
    std::vector<int> results(items.size());
    arena->execute([&] {
      tbb::parallel_for(std::size_t{0}, items.size(), [&](std::size_t i) { results[i] = memory::compute(items[i]); });
    });
    return results;
  };
}

const bool entered = [] {
  memory::enter("tbb_parallel_for", make);
  return true;
}();

}  // namespace
