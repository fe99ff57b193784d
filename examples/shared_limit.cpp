// One limit for all callers: an executor as the gatekeeper of something scarce, here a service that bears four
// requests at once, whichever batch they come from.
#include <fanout/fanout.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <ranges>
#include <thread>
#include <vector>

namespace {

std::atomic<int> open_requests{0};
std::atomic<int> most_requests{0};

int request(int key) {
  const int open = ++open_requests;
  int most = most_requests;
  while (open > most && !most_requests.compare_exchange_weak(most, open)) {
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the network
  --open_requests;
  return key * key;
}

}  // namespace

int main() {
  fanout::executor service({.concurrency = 4});  // four threads beyond the cores, if need be: they mostly wait

  // Eight users at once, each with a batch of its own.
  const std::vector<long> sums = fanout::map_in_parallel(
      std::views::iota(0, 8),
      [&](int user) {
        long sum = 0;
        for (const int answer : service.map(std::views::iota(10 * user, 10 * user + 10), request)) sum += answer;
        return sum;
      },
      {.concurrency = 8});

  std::printf("%d requests at once at most\n", most_requests.load());
  return most_requests <= 4 && sums[0] == 285 ? 0 : 1;  // 0² + 1² + … + 9²
}
