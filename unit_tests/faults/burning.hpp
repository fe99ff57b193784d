#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Code of the user's that throws at its n-th call, and calls that it throws out of.
namespace support {

/// What the user's code throws. It is counted, so that one that is kept somewhere would be found.
struct blown : counted {
  explicit blown(std::size_t n) : counted(0), call(n) {}
  std::size_t call;
};

/// Blows at its n-th call, whichever thread makes it.
class fuse {
 public:
  explicit fuse(std::size_t n) : blows_at_(n) {}
  void burn() {
    const std::size_t call = calls_.fetch_add(1);
    if (call != blows_at_) return;
    has_blown_ = true;
    throw blown(call);
  }
  bool has_blown() const { return has_blown_; }

 private:
  const std::size_t blows_at_;
  std::atomic<std::size_t> calls_{0};
  std::atomic<bool> has_blown_{false};
};

/// How an exception of the user's arrives.
enum class arrival {
  as_it_is,  // and no task has run, where the row is about the input
  task_error,
  aggregate,
  nowhere,  // it is data, or dealt with
};

struct row {
  std::string name;
  arrival expected;
  std::function<void(fuse&)> call;
  friend std::ostream& operator<<(std::ostream& out, const row& each) { return out << each.name; }
};

/// How the exception arrived that is being handled.
inline arrival arrival_of_current() {
  try {
    throw;
  } catch (const blown&) {
    return arrival::as_it_is;
  } catch (const fanout::task_error& e) {
    EXPECT_THROW(e.rethrow_nested(), blown);
    return arrival::task_error;
  } catch (const fanout::aggregate_error& e) {
    EXPECT_EQ(e.errors().size(), 1U);
    EXPECT_THROW(e.errors().front().rethrow_nested(), blown);
    return arrival::aggregate;
  }  // anything else fails the test as it is
}

/// Something of the user's that burns when it is copied or moved: a task, a result, an item, a factory.
template <class Base>
struct burns_when_moved : Base {
  burns_when_moved(fuse& with, Base base) : Base(std::move(base)), burnt(&with) {}
  burns_when_moved(const burns_when_moved& other) : Base(other), burnt(other.burnt) { burnt->burn(); }
  burns_when_moved(burns_when_moved&& other) : Base(std::move(other)), burnt(other.burnt) {
    burnt->burn();
  }  // NOLINT
  burns_when_moved& operator=(const burns_when_moved&) = delete;
  ~burns_when_moved() = default;
  fuse* burnt;
};

using fragile_item = burns_when_moved<counted>;

inline constexpr std::size_t limit = 3;

inline fanout::executor& shared() {
  static fanout::executor three({.concurrency = limit});
  return three;
}

/// Tasks with a result that is counted.
inline auto tasks_that_burn(fuse& with, std::size_t count = 10) {
  return std::vector(count, [&with] {
    with.burn();
    return counted(1);
  });
}

inline auto calm_tasks(std::size_t count = 10) {
  return std::vector(count, [] { return counted(1); });
}

/// A batch whose n-th progress call throws.
inline fanout::run_options burning_progress(fuse& with) {
  fanout::run_options options{.concurrency = limit};
  options.on_progress = [&with](std::size_t, std::size_t) { with.burn(); };
  return options;
}

/// The functions that a pool calls.
std::vector<row> burning_pools();

}  // namespace support
