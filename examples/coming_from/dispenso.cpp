#include <dispenso/parallel_for.h>
#include <dispenso/task_set.h>
#include <dispenso/thread_pool.h>

#include <cstddef>
#include <string>
#include <vector>

#include "site.hpp"

std::vector<page> fetch_all(const std::vector<std::string>& urls) {
  dispenso::ThreadPool pool(3);  // and the calling thread
  std::vector<page> pages(urls.size());
  dispenso::TaskSet tasks(pool);
  dispenso::ParForOptions options;
  options.defaultChunking = dispenso::ParForChunking::kAdaptive;  // the next page for whoever is free
  dispenso::parallel_for(
      tasks, std::size_t{0}, urls.size(), [&](std::size_t i) { pages[i] = fetch(urls[i]); }, options);
  return pages;
}

int main() { return check(fetch_all, "there is no /missing", others::are_fetched); }
