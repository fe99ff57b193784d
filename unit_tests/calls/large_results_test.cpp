#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Results are made where they stay, and none is destroyed twice or never, however the batch ends.
namespace {

using namespace support;

// ── Results that do not fit on a stack ─────────────────────────────────────────────────────────────────────────

/// Larger than the stack of any thread of this process, unless the stacks are unlimited.
struct tile {
  std::array<char, 16U << 20U> pixels;
};

/// Results of which the second is made on another thread than the caller's.
class LargeResults : public testing::Test {
 protected:
  /// Returns a tile once both tasks run.
  auto make() {
    return [this](auto index, auto&&...) {
      if (!both_.meet()) throw std::runtime_error("the other task did not start");
      return tile{{static_cast<char>(index + 1)}};
    };
  }
  std::vector<std::function<tile()>> tasks() { return {std::bind_front(make(), 0), std::bind_front(make(), 1)}; }

  static void expect_both(const tile& first, const tile& second) {
    EXPECT_EQ(first.pixels[0], 1);
    EXPECT_EQ(second.pixels[0], 2);
    EXPECT_EQ(second.pixels.back(), 0);
  }
  static void expect_both(const std::vector<tile>& tiles) { expect_both(tiles.at(0), tiles.at(1)); }

  const fanout::executor two_{{.concurrency = 2}};

 private:
  rendezvous both_{2};
};

TEST_F(LargeResults, OfMapAreMadeInTheVector) { expect_both(fanout::map_in_parallel(2, make(), 2)); }
TEST_F(LargeResults, OfMapOnAnExecutorAreMadeInTheVector) { expect_both(two_.map(2, make())); }
TEST_F(LargeResults, OfTasksAreMadeInTheVector) { expect_both(fanout::execute_in_parallel(tasks(), 2)); }
TEST_F(LargeResults, OfTasksOnAnExecutorAreMadeInTheVector) { expect_both(two_.execute(tasks())); }

TEST_F(LargeResults, OfMapWithAPoolAreMadeInTheVector) {
  fanout::resource_pool<int> pool([] { return 0; }, 2);
  expect_both(fanout::map_with_pool(2, pool, make()));
}

TEST_F(LargeResults, OfSettleAreMadeInTheOutcomes) {
  const auto outcomes = fanout::settle_in_parallel(tasks(), 2);
  expect_both(outcomes[0].value(), outcomes[1].value());
}

TEST_F(LargeResults, OfSettleMapAreMadeInTheOutcomes) {
  const auto outcomes = two_.settle_map(2, make());
  expect_both(outcomes[0].value(), outcomes[1].value());
}

/// Not in the frames of the call. The caller's own tuple must be elsewhere as well.
TEST_F(LargeResults, OfInvokeAreMovedIntoTheTupleFromOffTheStack) {
  const auto call = [this] {
    return fanout::invoke_in_parallel({.concurrency = 2}, std::bind_front(make(), 0), std::bind_front(make(), 1));
  };
  struct made {
    decltype(call()) tuple;
    explicit made(const decltype(call)& run) : tuple(run()) {}
  };
  const auto results = std::make_unique<made>(call);
  expect_both(std::get<0>(results->tuple), std::get<1>(results->tuple));
}

// ── Where results are made ─────────────────────────────────────────────────────────────────────────────────────

/// A result that may be copied as bytes, and knows where it was made. (One of 16 bytes is returned in registers.)
template <std::size_t Size>
class knows_its_place {
 public:
  knows_its_place() = default;
  explicit knows_its_place(std::in_place_t) : made_at_(this) {}
  bool has_stayed() const { return made_at_ == this; }

 private:
  const void* made_at_ = nullptr;
  std::array<char, Size - sizeof(void*)> rest_{};
};

template <class T>
class ResultsOfSize : public testing::Test {};
using sizes = testing::Types<knows_its_place<24>, knows_its_place<64>, knows_its_place<72>, knows_its_place<256>,
                             knows_its_place<4'096>>;
TYPED_TEST_SUITE(ResultsOfSize, sizes, );

TYPED_TEST(ResultsOfSize, AreMadeWhereTheyStay) {
  static_assert(std::is_trivially_copyable_v<TypeParam>);
  const auto make = [](int) { return TypeParam(std::in_place); };
  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{4}, fanout::automatic}) {
    const fanout::executor on({.concurrency = limit});
    const std::vector tasks(100, std::bind_front(make, 0));
    for (const TypeParam& each : fanout::map_in_parallel(100, make, limit)) EXPECT_TRUE(each.has_stayed());
    for (const TypeParam& each : on.execute(tasks)) EXPECT_TRUE(each.has_stayed());
    for (const auto& each : fanout::settle_map(100, make, limit)) EXPECT_TRUE(each->has_stayed());
    for (const auto& each : on.settle(tasks)) EXPECT_TRUE(each->has_stayed());
  }
}

// ── Each result is destroyed once ──────────────────────────────────────────────────────────────────────────────

/// Knows the addresses of all objects that live. Noted: one that is made on top of another, or that is destroyed and
/// was not alive.
class register_of_the_living {
 public:
  static void born(const void* place) {
    const std::lock_guard lock(mutex);
    if (!alive.insert(place).second) ++wrong;
  }
  static void died(const void* place) {
    const std::lock_guard lock(mutex);
    if (alive.erase(place) == 0) ++wrong;
  }
  static std::size_t defects() {
    const std::lock_guard lock(mutex);
    return alive.size() + std::exchange(wrong, 0);
  }

 private:
  inline static std::mutex mutex;
  inline static std::set<const void*> alive;
  inline static std::size_t wrong = 0;
};

enum class moves { copy, never_throw, throw_at_times };

/// A large result.
template <bool Default, std::size_t Alignment, moves Moves>
class alignas(Alignment) living {
 public:
  static constexpr moves how = Moves;

  living() noexcept requires Default { register_of_the_living::born(this); }
  explicit living(int v) : value(v) {
    if (reinterpret_cast<std::uintptr_t>(this) % Alignment != 0) throw std::logic_error("badly aligned");
    register_of_the_living::born(this);
  }
  living(const living& other) requires(Moves == moves::copy) : value(other.value) {
    register_of_the_living::born(this);
  }
  living(living&& other) noexcept(Moves != moves::throw_at_times) requires(Moves != moves::copy)
      : value(other.value) {
    if constexpr (Moves == moves::throw_at_times) {
      if (armed && value == 70) throw std::domain_error("moved");
    }
    register_of_the_living::born(this);
  }
  living& operator=(const living&) = delete;
  ~living() { register_of_the_living::died(this); }

  int value = -1;
  std::array<char, 124> rest{};
  inline static std::atomic<bool> armed{false};
};

template <class T>
class ResultsThatLive : public testing::Test {
 protected:
  void SetUp() override {
    T::armed = false;
    ASSERT_EQ(register_of_the_living::defects(), 0U);
  }
  void TearDown() override {
    T::armed = false;
    EXPECT_EQ(register_of_the_living::defects(), 0U);
  }

  static void expect_all(const std::vector<T>& results) {
    ASSERT_EQ(results.size(), 100U);
    for (int i = 0; i != 100; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].value, i);
  }
};
using types = testing::Types<living<true, 8, moves::copy>, living<true, 8, moves::never_throw>,
                             living<true, 8, moves::throw_at_times>, living<true, 256, moves::never_throw>,
                             living<false, 8, moves::copy>, living<false, 8, moves::never_throw>,
                             living<false, 8, moves::throw_at_times>, living<false, 256, moves::never_throw>>;
TYPED_TEST_SUITE(ResultsThatLive, types, );

constexpr std::size_t limits[] = {1, 2, 4, fanout::automatic};

TYPED_TEST(ResultsThatLive, AreAllReturned) {
  const auto make = [](int i) { return TypeParam(i); };
  for (const std::size_t limit : limits) {
    const fanout::executor on({.concurrency = limit});
    this->expect_all(fanout::map_in_parallel(100, make, limit));
    this->expect_all(on.map(100, make));
    const auto outcomes = fanout::settle_map(100, make, limit);
    for (int i = 0; i != 100; ++i) EXPECT_EQ(outcomes[static_cast<std::size_t>(i)]->value, i);
    const auto [one, two] = on.invoke([] { return TypeParam(1); }, [] { return TypeParam(2); });
    EXPECT_EQ(one.value + two.value, 3);
  }
}

TYPED_TEST(ResultsThatLive, AreDestroyedOnceIfTasksThrow) {
  const auto make = [](int i) { return i % 10 == 7 ? throw std::runtime_error("seven") : TypeParam(i); };
  for (const std::size_t limit : limits) {
    const fanout::executor on({.concurrency = limit});
    EXPECT_THROW(fanout::map_in_parallel(100, make, limit), fanout::task_error);
    EXPECT_THROW(on.map(100, make, {.on_error = fanout::error_policy::run_all}), fanout::aggregate_error);
    const auto outcomes = fanout::settle_map(100, make, limit);
    for (std::size_t i = 0; i != 100; ++i) EXPECT_EQ(outcomes[i].has_value(), i % 10 != 7);
    const auto fails = [&] { return make(7); };
    EXPECT_THROW(on.invoke([] { return TypeParam(1); }, fails), fanout::task_error);
  }
}

TYPED_TEST(ResultsThatLive, AreDestroyedOnceIfTheBatchIsStopped) {
  for (const std::size_t limit : limits) {
    std::stop_source stop;
    const auto make = [&](int i, const fanout::task_context& context) {
      if (i == 5) stop.request_stop();
      while (i > 50 && !context.stop_requested()) std::this_thread::yield();
      return TypeParam(i);
    };
    EXPECT_THROW(fanout::map_in_parallel(1'000, make, {.concurrency = limit, .stop = stop.get_token()}),
                 fanout::operation_cancelled);
    stop = std::stop_source();
    const auto outcomes = fanout::settle_map(1'000, make, {.concurrency = limit, .stop = stop.get_token()});
    EXPECT_TRUE(outcomes[5].has_value());
    EXPECT_TRUE(outcomes.back().cancelled());
  }
}

TYPED_TEST(ResultsThatLive, AreDestroyedOnceIfMovingThemThrows) {
  if constexpr (TypeParam::how == moves::throw_at_times && !std::default_initializable<TypeParam>) {
    TypeParam::armed = true;
    for (const std::size_t limit : limits) {
      EXPECT_THROW(fanout::map_in_parallel(
                       100, [](int i) { return TypeParam(i); }, limit),
                   std::domain_error);
    }
  }
}

}  // namespace
