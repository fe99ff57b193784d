// The workers of a stream come and leave, with every interleaving of a reader and its workers: see
// stream_attendance.hpp, and search.hpp for what that means.

#include "fanout/detail/stream_attendance.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>

#include "model/search.hpp"

namespace {

using namespace model;

/// The steps of `stream_run` and `mapped_stream`, without time: a worker that finds nothing to pull looks once before
/// it leaves, and nobody calls a worker because time has passed. So a deadlock is a call that was lost.
template <class Scenario, unsigned readers, unsigned workers, std::size_t items, std::size_t places>
struct stream_scenario : rl::test_suite<Scenario, int{readers + workers}> {
  using attendance = fanout::detail::basic_stream_attendance<primitives>;

  std::unique_ptr<attendance> attendance_ = std::make_unique<attendance>();
  std::array<rl::var<int>, places> place_;
  rl::var<std::size_t> source_;  // the number of the next item
  mutex mutex_;                  // guards what follows
  condition_variable changed_;
  std::size_t calls_ = 0;
  std::size_t ready_ = 0;  // results
  bool over_ = false;

  void before() {
    attendance_->open(places, workers);
    source_(RL_INFO) = 0;
  }

  void call() {
    if (!attendance_->count_in(workers)) return;
    const std::lock_guard lock(mutex_);
    ++calls_;
    changed_.notify_all();
  }

  // ── The reader ──

  void read_all() {
    call();
    for (std::size_t number = 0; number != items; ++number) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ready_ > number; });
      }
      RL_ASSERT(place_[number % places](RL_INFO) == static_cast<int>(number));
      place_[number % places](RL_INFO) = -1;
      attendance_->give_back(number + 1);
      if (number + 1 + places <= items && attendance_->is_missing()) call();
    }
    end();
  }

  void end() {
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }

  // ── A worker ──

  void work_while_called() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return calls_ != 0 || over_; });
        if (over_) return;
        --calls_;
      }
      work();
    }
  }

  void work() {
    do {
      while (turn() || linger()) {
      }
      attendance_->count_out();
    } while (can_pull() && attendance_->count_in(workers));
  }

  bool source_has_ended() const { return attendance_->pulled() == items; }
  bool can_pull() const { return attendance_->can_pull() && !source_has_ended(); }

  bool linger() {
    if (!attendance_->begin_to_linger()) return false;
    if (primitives::has_one_core) {
      fanout::detail::basic_spinning_place<primitives>::spinner here(attendance_->lingers_at());
      here.look();
    }
    attendance_->end_lingering();
    return can_pull();
  }

  bool turn() {
    if (!attendance_->lock_source()) return false;
    if (source_has_ended() || attendance_->room() == 0) {
      attendance_->unlock_source();
      return false;
    }
    const std::size_t number = source_(RL_INFO);
    source_(RL_INFO) = number + 1;
    place_[number % places](RL_INFO) = static_cast<int>(number);
    attendance_->count_pulled(number);
    attendance_->unlock_source();
    if (can_pull() && attendance_->is_missing()) call();
    static_cast<Scenario&>(*this).map(number);
    return true;
  }

  void deliver() {
    const std::lock_guard lock(mutex_);
    ++ready_;
    changed_.notify_all();
  }
};

/// Thread 0 reads, thread 1 works. Results are delivered in order, because there is one worker.
template <std::size_t items, std::size_t places>
struct one_worker : stream_scenario<one_worker<items, places>, 1, 1, items, places> {
  void thread(unsigned me) { me == 0 ? this->read_all() : this->work_while_called(); }
  void map(std::size_t) { this->deliver(); }
};

/// Nobody reads. Both workers are there at first. Thread 0 pulls an item and maps it until the other one has been
/// pulled: so the other worker must be called if it has left because the source was locked.
struct two_workers : stream_scenario<two_workers, 0, 2, 2, 2> {
  void before() {
    stream_scenario::before();
    RL_ASSERT(attendance_->count_in(2) && attendance_->count_in(2));
    calls_ = 1;  // that of thread 1
  }
  void thread(unsigned me) {
    if (me != 0) return work_while_called();
    while (!turn()) yield();  // if the other one has locked the source
  }
  void map(std::size_t) {
    std::unique_lock lock(mutex_);
    ++ready_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return ready_ == 2; });
    over_ = true;
    changed_.notify_all();
  }
};

using operation = mistake::operation;
using kind = mistake::kind;

template <class Scenario>
void expect_to_hold() {
  const finding found = every_execution<Scenario>();
  EXPECT_TRUE(found.holds()) << found;
}

template <class Scenario>
void expect_a_lost_call(const mistake& made) {
  const finding found = every_execution_with<Scenario>(made);
  EXPECT_EQ(found.result, rl::test_result_deadlock) << found;
}

TEST(StreamAttendanceModel, NoCallIsLostBetweenAReaderAndAWorkerThatLeaves) { expect_to_hold<one_worker<2, 1>>(); }

TEST(StreamAttendanceModel, NoCallIsLostOnOneCore) {
  expect_to_hold<on_one_core<one_worker<2, 1>>>();
  expect_to_hold<on_one_core<two_workers>>();
}

TEST(StreamAttendanceModel, NoCallIsLostIfThereAreTwoPlaces) {
  if (!has_time()) GTEST_SKIP() << "takes a while: set FANOUT_MODEL=long";
  expect_to_hold<one_worker<3, 2>>();
}

TEST(StreamAttendanceModel, NoCallIsLostBetweenWorkersWhenTheSourceWasLocked) { expect_to_hold<two_workers>(); }

// ── Mistakes that have to be found ─────────────────────────────────────────────────────────────────────────────────

TEST(StreamAttendanceModel, FindsThatACallIsLostIfTheReaderMayReadOldNumbersOfWorkers) {
  expect_a_lost_call<one_worker<2, 1>>({"is_missing", operation::load, kind::relaxed});
}

TEST(StreamAttendanceModel, FindsThatACallIsLostIfAWorkerIsCountedOutWithoutSequentialConsistency) {
  expect_a_lost_call<one_worker<2, 1>>({"count_out", operation::add, kind::relaxed});
}

TEST(StreamAttendanceModel, FindsThatACallIsLostIfLingeringEndsWithoutSequentialConsistency) {
  expect_a_lost_call<one_worker<2, 1>>({"end_lingering", operation::store, kind::relaxed});
}

template <class Scenario>
void expect_a_data_race(const mistake& made) {
  const finding found = every_execution_with<Scenario>(made);
  EXPECT_EQ(found.result, rl::test_result_data_race) << found;
}

TEST(StreamAttendanceModel, FindsThatTheSourceIsReadByTwoIfUnlockingReleasesNothing) {
  expect_a_data_race<two_workers>({"unlock_source", operation::store, kind::relaxed});
}

TEST(StreamAttendanceModel, FindsThatAPlaceIsUsedByTwoIfGivingItBackReleasesNothing) {
  expect_a_data_race<one_worker<2, 1>>({"give_back", operation::store, kind::relaxed});
}

TEST(StreamAttendanceModel, FindsThatAPlaceIsUsedByTwoIfItsReleaseIsNotAcquired) {
  expect_a_data_race<one_worker<2, 1>>({"room", operation::load, kind::relaxed});
}

}  // namespace
