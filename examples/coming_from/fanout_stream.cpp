#include <fanout/fanout.hpp>

#include <string>
#include <utility>
#include <vector>

#include "site.hpp"

std::vector<page> fetch_all(const std::vector<std::string>& urls) {
  std::vector<page> pages;
  for (page& each : fanout::stream_in_parallel(urls, fetch, {.concurrency = 4, .ahead = 4}))
    pages.push_back(std::move(each));
  return pages;
}

int main() { return check(fetch_all, "task 2 failed: there is no /missing", others::are_spared); }
