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
  explicit host(std::size_t workers) : all(workers + 1) {}

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

TEST(Annex, SendsAsManyWorkersAsAreCalled) {
  for (const std::size_t workers : {1U, 2U, 3U, 20U}) {
    const worker_budget::share promised(workers, true);
    const annex::team counted(workers, true);
    host some(workers);
    some.leave.set();
    EXPECT_TRUE(annex::of_process().call(some, workers));
    EXPECT_TRUE(some.all.meet());
    EXPECT_EQ(annex::of_process().close(some), 0U);
    EXPECT_EQ(some.came, workers);
  }
}

TEST(Annex, SendsThemAlthoughOthersAreBusyForWhomNobodyAsksAnyMore) {
  const worker_budget::share promised(9, true);
  const annex::team first_team(3, true);
  host first(3);
  EXPECT_TRUE(annex::of_process().call(first, 3));
  EXPECT_TRUE(first.all.meet());
  for (int round = 0; round != 20; ++round) {
    const annex::team second_team(6, true);
    host second(6);
    second.leave.set();
    EXPECT_TRUE(annex::of_process().call(second, 6));
    EXPECT_TRUE(second.all.meet()) << "in round " << round;
    annex::of_process().close(second);
  }
  first.leave.set();
  annex::of_process().close(first);
  EXPECT_EQ(first.missed, 0U);
}

TEST(Annex, SendsMoreWhereMoreAreCalled) {
  const worker_budget::share promised(5, true);
  const annex::team counted(5, true);
  host some(5);
  some.leave.set();
  for (const std::size_t workers : {1U, 3U, 1U}) EXPECT_TRUE(annex::of_process().call(some, workers));
  EXPECT_TRUE(some.all.meet());
  EXPECT_EQ(annex::of_process().close(some), 0U);
}

TEST(Annex, SaysHowManyDidNotCome) {
  const worker_budget::share promised(5, true);
  const annex::team counted(5, true);
  for (int round = 0; round != 500; ++round) {
    struct : annex::caller {
      void welcome() noexcept override { ++came; }
      std::atomic<std::size_t> came = 0;
    } some;
    EXPECT_TRUE(annex::of_process().call(some, 5));
    if (round % 2 == 0) std::this_thread::yield();
    const std::size_t missing = annex::of_process().close(some);
    EXPECT_EQ(some.came + missing, 5U);
  }
}

TEST(Annex, WaitsAtTheCloseForThoseWhoCame) {
  const worker_budget::share promised(2, true);
  const annex::team counted(2, true);
  host some(2);
  EXPECT_TRUE(annex::of_process().call(some, 2));
  EXPECT_TRUE(some.all.meet());
  const std::jthread later([&] {
    std::this_thread::sleep_for(5ms);
    some.leave.set();
  });
  annex::of_process().close(some);
  EXPECT_EQ(some.left, 2U);
}

TEST(Annex, SendsNobodyToWhoHasClosed) {
  const worker_budget::share promised(2, true);
  host some(2);
  EXPECT_EQ(annex::of_process().close(some), 0U);
  EXPECT_FALSE(annex::of_process().call(some, 2));
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
