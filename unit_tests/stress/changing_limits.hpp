#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>

#include "fanout/executor.hpp"
#include "world.hpp"

/// A thread that lowers the limits of the shared executors again and again, and raises them soon after: at times within
/// microseconds, so that some changes come while a runner is about to start the last task of a batch. The model knows
/// the greatest limit only: tasks that meet wait until it is raised again, and no batch may hang.
namespace stress {

class changing_limits {
 public:
  changing_limits(world& of, std::uint64_t seed) : world_(of), thread_([this, seed] { change(seed); }) {}
  changing_limits(const changing_limits&) = delete;
  changing_limits& operator=(const changing_limits&) = delete;
  ~changing_limits() {
    over_ = true;
    thread_.join();
  }

  /// How often a limit was lowered.
  std::size_t count() const { return count_; }

 private:
  void change(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto pause = [&random](std::uint64_t most_microseconds) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % most_microseconds));
    };
    while (!over_) {
      fanout::executor& one = world_.executors[random() % shared_executors]->executor;
      const bool restless = random() % 4 == 0;
      for (std::uint64_t more = restless ? 100 : random() % 3 + 1; more != 0; --more, ++count_) {
        one.set_concurrency(random() % one.greatest_concurrency() + 1);
        if (!restless) pause(1'000);
      }
      one.set_concurrency(one.greatest_concurrency());
      pause(2'000);
    }
  }

  world& world_;
  std::atomic<bool> over_{false};
  std::atomic<std::size_t> count_{0};
  std::thread thread_;  // last, because it uses the other members
};

}  // namespace stress
