#include <oneapi/tbb/parallel_for.h>

#include <functional>
#include <vector>

std::vector<int> run(const std::vector<std::function<int()>>& tasks) {
  std::vector<int> results(tasks.size());
  tbb::parallel_for(std::size_t{0}, tasks.size(), [&](std::size_t i) { results[i] = tasks[i](); });
  return results;
}
