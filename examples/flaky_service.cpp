// Requests to a service that allows so many in a second, and sometimes fails: limited, tried again, and not forever.
#include <fanout/fanout.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Every fifth request fails at first, and request 13 is wrong.
std::string request(int number, unsigned attempt) {
  if (number == 13) throw std::invalid_argument("no such page");
  if (number % 5 == 0 && attempt == 1) throw unavailable("503, try again later");
  return "page " + std::to_string(number);
}

/// Only what may be different next time is worth another attempt.
bool is_temporary(const std::exception_ptr& cause) {
  try {
    std::rethrow_exception(cause);
  } catch (const unavailable&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

int main() {
  const fanout::rate_limit service(20, 50ms);  // shared by all batches that use it
  std::atomic<int> requests{0};

  const auto start = std::chrono::steady_clock::now();
  const auto pages = fanout::settle_map(60, [&](int number, const fanout::task_context& context) {
    ++requests;
    return request(number, context.attempt());
  }, {.concurrency = 8,
      .admit = {service},
      .timeout = 1min,
      .task_timeout = 5s,
      .retry = {.again = 3, .pause = 5ms, .when = is_temporary}});
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;

  int failed = 0;
  for (const auto& each : pages) {
    if (each.has_value()) continue;
    ++failed;
    try {
      static_cast<void>(each.value());
    } catch (const fanout::task_error& e) {
      std::printf("%s\n", e.what());
    }
  }
  std::printf("%d requests for %zu pages in %.0f ms, %d failed\n", requests.load(), pages.size(), took.count(), failed);

  // 60 pages, and 12 of them at the second attempt: 72 requests, 20 in any 50 ms.
  return requests == 72 && failed == 1 && took >= 150ms ? 0 : 1;
}
