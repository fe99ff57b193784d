#include <BS_thread_pool.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include "site.hpp"

std::vector<page> fetch_all(const std::vector<std::string>& urls) {
  BS::thread_pool pool(4);
  return pool.submit_sequence(std::size_t{0}, urls.size(), [&](std::size_t i) { return fetch(urls[i]); }).get();
}

int main() { return check(fetch_all, "there is no /missing", others::are_fetched); }
