#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// What the programs of this folder do, each with another library: fetch pages, four at a time, in the order of their
/// addresses. And the check that they do.
struct page {
  std::string text;
};

struct site {
  std::atomic<std::size_t> in_flight{0};
  std::atomic<std::size_t> most_in_flight{0};
  std::atomic<std::size_t> fetched{0};
};

inline site& visited() {
  static site only_one;
  return only_one;
}

/// Takes 20 ms, in which it waits. Throws for the one page that is missing.
inline page fetch(const std::string& url) {
  site& here = visited();
  const std::size_t now = ++here.in_flight;
  for (std::size_t most = here.most_in_flight; most < now && !here.most_in_flight.compare_exchange_weak(most, now);) {
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ++here.fetched;
  --here.in_flight;
  if (url == "/missing") throw std::runtime_error("there is no /missing");
  return {"text of " + url};
}

/// What becomes of the pages when one is missing.
enum class others {
  are_spared,   // those that have not begun are not fetched
  are_fetched,  // all of them are
};

/// 0 if `fetch_all` returns 24 pages in order, has four in flight and no more, and, where the third is missing, ends with
/// this text after all that it began has ended, with the others treated so.
template <class FetchAll>
int check(FetchAll fetch_all, const std::string& complaint, others expected) {
  std::vector<std::string> urls;
  for (int i = 0; i < 24; ++i) urls.push_back("/page/" + std::to_string(i));
  bool fine = true;
  const auto expect = [&](bool holds, const char* what) {
    if (!holds) std::printf("not so: %s\n", what);
    fine = fine && holds;
  };

  const std::vector<page> pages = fetch_all(urls);
  expect(pages.size() == urls.size(), "a page for each address");
  for (std::size_t i = 0; i < pages.size(); ++i) expect(pages[i].text == "text of " + urls[i], "pages in order");
  std::printf("most in flight: %zu\n", visited().most_in_flight.load());
  expect(visited().most_in_flight == 4, "four in flight");

  urls[2] = "/missing";
  visited().fetched = 0;
  std::string told = "nothing";
  try {
    fetch_all(urls);
  } catch (const std::exception& error) {
    told = error.what();
  }
  expect(visited().in_flight == 0, "nothing in flight afterwards");
  std::printf("with one missing: %zu of %zu fetched, then: %s\n", visited().fetched.load(), urls.size(),
              told.c_str());
  expect(told == complaint, complaint.c_str());
  expect((visited().fetched == urls.size()) == (expected == others::are_fetched), "what becomes of the others");
  return fine ? 0 : 1;
}
