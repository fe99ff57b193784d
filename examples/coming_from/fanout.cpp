#include <fanout/fanout.hpp>

#include <string>
#include <vector>

#include "site.hpp"

std::vector<page> fetch_all(const std::vector<std::string>& urls) {
  return fanout::map_in_parallel(urls, fetch, {.concurrency = 4});
}

int main() { return check(fetch_all, "task 2 failed: there is no /missing", others::are_spared); }
