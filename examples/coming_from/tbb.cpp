#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <cstddef>
#include <string>
#include <vector>

#include "site.hpp"

std::vector<page> fetch_all(const std::vector<std::string>& urls) {
  // More workers than cores, while this lives: the tasks wait.
  tbb::global_control four_workers(tbb::global_control::max_allowed_parallelism, 4);
  tbb::task_arena four(4);
  std::vector<page> pages(urls.size());
  four.execute(
      [&] { tbb::parallel_for(std::size_t{0}, urls.size(), [&](std::size_t i) { pages[i] = fetch(urls[i]); }); });
  return pages;
}

int main() { return check(fetch_all, "there is no /missing", others::are_spared); }
