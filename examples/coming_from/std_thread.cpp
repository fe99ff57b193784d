#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "site.hpp"

std::vector<page> fetch_all(const std::vector<std::string>& urls) {
  std::vector<page> pages(urls.size());
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < urls.size(); i = next++) {
      try {
        pages[i] = fetch(urls[i]);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = urls.size();  // no more
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  }  // joined
  if (failure) std::rethrow_exception(failure);
  return pages;
}

int main() { return check(fetch_all, "there is no /missing", others::are_spared); }
