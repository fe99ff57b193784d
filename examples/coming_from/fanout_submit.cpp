#include <fanout/fanout.hpp>

#include <string>
#include <vector>

#include "site.hpp"

std::vector<page> fetch_all(const std::vector<std::string>& urls) {
  fanout::batch<page> pages = fanout::submit_map(urls, fetch, {.concurrency = 4});
  // … something else …
  return pages.get();
}

int main() { return check(fetch_all, "task 2 failed: there is no /missing", others::are_spared); }
