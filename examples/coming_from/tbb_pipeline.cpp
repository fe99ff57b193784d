#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include <string>
#include <utility>
#include <vector>

#include "site.hpp"

std::vector<page> fetch_all(const std::vector<std::string>& urls) {
  using tbb::filter_mode;
  // More workers than cores, while this lives: the tasks wait.
  tbb::global_control four_workers(tbb::global_control::max_allowed_parallelism, 4);
  tbb::task_arena four(4);
  std::vector<page> pages;
  auto next = urls.begin();
  const auto read = [&](tbb::flow_control& control) {
    if (next != urls.end()) return *next++;
    control.stop();
    return std::string();
  };
  const auto keep = [&](page each) { pages.push_back(std::move(each)); };
  four.execute([&] {
    tbb::parallel_pipeline(4, tbb::make_filter<void, std::string>(filter_mode::serial_in_order, read) &
                                  tbb::make_filter<std::string, page>(filter_mode::parallel, &fetch) &
                                  tbb::make_filter<page, void>(filter_mode::serial_in_order, keep));
  });
  return pages;
}

int main() { return check(fetch_all, "there is no /missing", others::are_spared); }
