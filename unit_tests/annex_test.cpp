#include "annex.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "support.hpp"
#include "worker_budget.hpp"

namespace fanout::detail {
namespace {

using namespace support;

/// Each worker that comes waits until it may leave.
class host final : public annex::caller {
 public:
  host(annex::places& where, std::size_t workers) : caller(where), all(workers + 1) {}

  void welcome() noexcept override {
    ++came;
    if (!all.meet() || !leave.wait()) ++missed;
    ++left;
  }

  rendezvous all;  // of the workers and the thread of the test
  event leave;
  std::atomic<std::size_t> came = 0;
  std::atomic<std::size_t> left = 0;
  std::atomic<std::size_t> missed = 0;
};

/// An arena's promise of workers and its places, and a team that may have as many helpers.
struct arena_of {
  explicit arena_of(std::size_t workers) : promised(workers, true), places(workers), counted(workers, true) {}

  worker_budget::share promised;
  annex::places places;
  annex::team counted;
};

annex& process() { return annex::of_process(); }

TEST(Annex, SendsAsManyWorkersAsAreCalled) {
  for (const std::size_t workers : {1U, 2U, 3U, 20U}) {
    arena_of arena(workers);
    host some(arena.places, workers);
    some.leave.set();
    EXPECT_TRUE(process().call(some, workers));
    EXPECT_TRUE(some.all.meet());
    process().close(some);
    EXPECT_EQ(some.came, workers);
  }
}

TEST(Annex, SendsThemAlthoughOthersAreBusyForWhomNobodyAsksAnyMore) {
  arena_of busy(3);
  host first(busy.places, 3);
  EXPECT_TRUE(process().call(first, 3));
  EXPECT_TRUE(first.all.meet());
  for (int round = 0; round != 20; ++round) {
    arena_of arena(6);
    host second(arena.places, 6);
    second.leave.set();
    EXPECT_TRUE(process().call(second, 6));
    EXPECT_TRUE(second.all.meet()) << "in round " << round;
    process().close(second);
  }
  first.leave.set();
  process().close(first);
  EXPECT_EQ(first.missed, 0U);
}

TEST(Annex, SendsMoreWhereMoreAreCalled) {
  arena_of arena(5);
  host some(arena.places, 5);
  some.leave.set();
  for (const std::size_t workers : {1U, 3U, 1U}) EXPECT_TRUE(process().call(some, workers));
  EXPECT_TRUE(some.all.meet());
  process().close(some);
  EXPECT_EQ(some.came, 5U);
}

TEST(Annex, SendsNoMoreAtOnceThanThereArePlaces) {
  arena_of larger(20);
  arena_of arena(2);
  struct : annex::caller {
    using caller::caller;
    void welcome() noexcept override {
      const gauge::visit here(inside);
      std::this_thread::sleep_for(1ms);
      if (++came == 10) all.set();
    }
    gauge inside;
    std::atomic<int> came = 0;
    event all;
  } some(arena.places);
  EXPECT_TRUE(process().call(some, 10));
  EXPECT_TRUE(some.all.wait());
  process().close(some);
  EXPECT_EQ(some.came, 10);
  EXPECT_LE(some.inside.most(), 2);
}

TEST(Annex, SendsOneAsSoonAsAPlaceIsGivenBack) {
  arena_of arena(2);
  host some(arena.places, 1);
  some.leave.set();
  arena.places.take(2);
  EXPECT_TRUE(process().call(some, 1));
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(some.came, 0U);
  arena.places.give_back(1);
  EXPECT_TRUE(some.all.meet());
  process().close(some);
  arena.places.give_back(1);
}

TEST(Annex, SendsThoseThatEndToTheNextWhoWaitsForAPlace) {
  arena_of arena(2);
  host first(arena.places, 2);
  host second(arena.places, 2);
  EXPECT_TRUE(process().call(first, 2));
  EXPECT_TRUE(process().call(second, 2));
  EXPECT_TRUE(first.all.meet());
  EXPECT_EQ(second.came, 0U);
  first.leave.set();
  second.leave.set();
  EXPECT_TRUE(second.all.meet());
  process().close(first);
  process().close(second);
}

TEST(Annex, SendsNobodyAfterTheClose) {
  arena_of arena(5);
  for (int round = 0; round != 500; ++round) {
    struct : annex::caller {
      using caller::caller;
      void welcome() noexcept override { ++came; }
      std::atomic<std::size_t> came = 0;
    } some(arena.places);
    EXPECT_TRUE(process().call(some, 5));
    if (round % 2 == 0) std::this_thread::yield();
    process().close(some);
    const std::size_t came = some.came;
    EXPECT_LE(came, 5U);
    EXPECT_FALSE(process().call(some, 5));
    EXPECT_EQ(some.came, came);
  }
}

TEST(Annex, WaitsAtTheCloseForThoseWhoCame) {
  arena_of arena(2);
  host some(arena.places, 2);
  EXPECT_TRUE(process().call(some, 2));
  EXPECT_TRUE(some.all.meet());
  const std::jthread later([&] {
    std::this_thread::sleep_for(5ms);
    some.leave.set();
  });
  process().close(some);
  EXPECT_EQ(some.left, 2U);
}

TEST(AnnexTeam, WithAPromiseHasCompanyByAnyOther) {
  EXPECT_FALSE(annex::team(1, true).has_company());
  const annex::team other(3, false);
  EXPECT_TRUE(annex::team(1, true).has_company());
}

TEST(AnnexTeam, WithoutAPromiseHasCompanyByOneWithAPromise) {
  const annex::team one(1, false);
  EXPECT_FALSE(annex::team(1, false).has_company());
  {
    const annex::team other(3, true);
    EXPECT_TRUE(annex::team(1, false).has_company());
  }
  EXPECT_FALSE(annex::team(1, false).has_company());
}

}  // namespace
}  // namespace fanout::detail
