#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "stress/batch_run.hpp"
#include "stress/changing_limits.hpp"
#include "stress/duration.hpp"
#include "stress/generator.hpp"
#include "stress/plan_text.hpp"
#include "stress/hang_watch.hpp"
#include "stress/world.hpp"
#include "support.hpp"

/// Random batches on several threads at once, called and submitted, each of which the model judges when it is over.
///
/// FANOUT_STRESS_SECONDS says for how long it goes on. FANOUT_STRESS_SEED replays a run: it fixes the plans, which
/// are all that is drawn at random, so that driver k gives the same calls the same tasks in the same order. It cannot
/// fix how the kernel interleaves the threads: which task fails first, when a stop from outside comes, how far each
/// driver gets. So a replay that finds nothing refutes nothing; run it for longer, or on fewer cores (`taskset -c
/// 0`).
namespace {

using namespace std::chrono_literals;

constexpr unsigned drivers = 4;

/// No batch takes so long on the busiest machine: the longest wait in one is `support::patience`, for a meeting.
constexpr auto longest_batch = 4 * support::patience;

std::uint64_t seed_of_this_run() {
  const char* const named = std::getenv("FANOUT_STRESS_SEED");
  if (named != nullptr) return std::strtoull(named, nullptr, 10);
  std::random_device random;
  return (std::uint64_t{random()} << 32U) | random();
}

class batch_stress {
 public:
  explicit batch_stress(std::uint64_t seed) : seed_(seed) {}

  void run(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    const stress::hang_watch watch(seed_, states_, longest_batch);
    const stress::changing_limits limits(world_, seed_);
    support::on_threads(drivers, [&](std::size_t number) {
      stress::generator plans(seed_, static_cast<unsigned>(number));
      for (std::size_t batch = 0; std::chrono::steady_clock::now() < end && !world_.broken(); ++batch)
        drive(number, batch, std::make_shared<const stress::batch_plan>(plans.next()));
    });
    world_.look_at_what_is_left();
    limits_changed_ = limits.count();
  }

  std::size_t limits_changed() const { return limits_changed_; }

  const stress::world& world() const { return world_; }

 private:
  void drive(std::size_t driver, std::size_t number, std::shared_ptr<const stress::batch_plan> plan) {
    const std::size_t promised = plan->promised_workers();
    states_[driver].begin(number, stress::describe(*plan));
    world_.promised += promised;
    stress::batch_run::run(std::move(plan), world_, nullptr, nullptr);
    world_.promised -= promised;
    states_[driver].end();
  }

  const std::uint64_t seed_;
  stress::world world_;
  std::array<stress::driver_state, drivers> states_;
  std::size_t limits_changed_ = 0;
};

TEST(BatchStress, KeepsEveryPromiseOfABatch) {
  const std::uint64_t seed = seed_of_this_run();
  std::printf("FANOUT_STRESS_SEED=%llu makes the same plans\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  batch_stress test(seed);
  test.run(stress::duration(48s));

  for (const std::string& each : test.world().found()) ADD_FAILURE() << each;
  const stress::world& world = test.world();
  using stress::ending;
  std::printf(
      "%zu batches of %zu tasks: %zu returned, %zu task_error, %zu aggregate_error, %zu cancelled, %zu broken "
      "off by their callback, %zu by their source, %zu refused, %zu left, %zu dropped, %zu out of "
      "time, %zu broken off by a rule, %zu refused to wait\n",
      world.batches(), world.tasks(), world.batches(ending::returned), world.batches(ending::task_error),
      world.batches(ending::aggregate_error), world.batches(ending::cancelled), world.batches(ending::callback_error),
      world.batches(ending::source_error), world.batches(ending::refused), world.batches(ending::left),
      world.batches(ending::dropped), world.batches(ending::out_of_time), world.batches(ending::rule_error),
      world.batches(ending::hold_and_wait));
  std::printf("%zu times the limit of a shared executor was changed\n", test.limits_changed());
  if (world.broken() || world.batches() < 2'000) return;
  EXPECT_GT(test.limits_changed(), 0U);
  for (const ending each : {ending::returned, ending::task_error, ending::aggregate_error, ending::cancelled,
                            ending::callback_error, ending::source_error, ending::refused, ending::left, ending::dropped,
                            ending::out_of_time, ending::rule_error, ending::hold_and_wait})
    EXPECT_GT(world.batches(each), 0U) << "an ending that no batch came to";
}

}  // namespace
