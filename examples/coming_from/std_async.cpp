#include <future>
#include <semaphore>
#include <string>
#include <vector>

#include "site.hpp"

struct turn {
  std::counting_semaphore<>& taken_from;
  ~turn() { taken_from.release(); }
};

std::vector<page> fetch_all(const std::vector<std::string>& urls) {
  std::counting_semaphore<> turns(4);
  std::vector<std::future<page>> futures;
  for (const std::string& url : urls) {
    turns.acquire();  // so that there are no more than four threads
    futures.push_back(std::async(std::launch::async, [&turns, &url] {
      const turn mine{turns};
      return fetch(url);
    }));
  }
  std::vector<page> pages;
  for (std::future<page>& each : futures) pages.push_back(each.get());
  return pages;
}

int main() { return check(fetch_all, "there is no /missing", others::are_fetched); }
