#include "annex.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <new>

#include "fanout/limits.hpp"
#include "tsan.hpp"
#include "worker_budget.hpp"

namespace fanout::detail {
namespace {

// Of all teams, and of those with a promise. Counts alone, they order nothing.
std::atomic<std::size_t> helpers_of_all{0};
std::atomic<std::size_t> helpers_promised{0};

bool count(std::size_t helpers, bool promised) noexcept {
  const bool others = helpers_of_all.fetch_add(helpers, std::memory_order_relaxed) != 0;
  if (promised) {
    helpers_promised.fetch_add(helpers, std::memory_order_relaxed);
    return others;
  }
  return helpers_promised.load(std::memory_order_relaxed) != 0;
}

}  // namespace

annex::team::team(std::size_t helpers, bool promised) noexcept
    : helpers_(helpers), promised_(promised), has_company_(count(helpers, promised)) {}

annex::team::~team() {
  helpers_of_all.fetch_sub(helpers_, std::memory_order_relaxed);
  if (promised_) helpers_promised.fetch_sub(helpers_, std::memory_order_relaxed);
}

// At the priority of named limits: it asks for these, too.
annex::hall::hall(std::size_t workers)
    : arena(static_cast<int>(workers), 0, tbb::task_arena::priority::high), room(workers) {
  arena.initialize();
}

// Never destroyed: at the end of the process oneTBB may be gone before it.
annex& annex::of_process() {
  static annex& annex_of_process = *new annex;
  return annex_of_process;
}

void annex::prepare(std::size_t helpers) {
  const std::lock_guard lock(mutex_);
  hall_for(helpers_of_all.load(std::memory_order_relaxed) + helpers);
}

/// For these, and as many workers as oneTBB has without fanout: others may keep these busy. No larger than what oneTBB is
/// allowed just now: it would complain on stderr.
annex::hall& annex::hall_for(std::size_t helpers) {
  const std::size_t needed = helpers + available_concurrency() - 1;
  const std::size_t allowed = std::max<std::size_t>(worker_budget::current_limit(), 2) - 1;
  const auto size = static_cast<std::size_t>(std::bit_width(std::max<std::size_t>(needed, 1) - 1));  // a power of two
  if (size < halls_.size() && (std::size_t{1} << size) < allowed) {
    std::unique_ptr<hall>& found = halls_[size];
    if (!found) found = std::make_unique<hall>(std::size_t{1} << size);
    return *found;
  }
  if (largest_.empty() || largest_.back()->room < allowed) largest_.push_back(std::make_unique<hall>(allowed));
  return *largest_.back();
}

bool annex::call(caller& from, std::size_t workers) {
  if (worker_budget::current_limit() == 1) return false;  // oneTBB would send one all the same, to what is enqueued
  std::unique_lock lock(mutex_);
  if (from.closed_) return false;
  if (from.wanted_ == 0) {
    *end_ = &from;
    end_ = &from.next_;
  }
  from.wanted_ += workers;
  wanted_ += workers;
  hall& now = hall_for(helpers_of_all.load(std::memory_order_relaxed));
  if (asking_ == nullptr || asking_->room < now.room) asking_ = &now;
  add_tasks(lock);
  return true;
}

/// Two tasks for the workers that are wanted, if there are not as many. Unlocks: oneTBB may wake somebody on the way.
void annex::add_tasks(std::unique_lock<std::mutex>& lock) {
  hall* const to = asking_;
  const std::size_t enough = std::min<std::size_t>(wanted_, 2);
  if (to == nullptr || to->tasks >= enough) return lock.unlock();
  std::size_t missing = enough - to->tasks;
  to->tasks = enough;
  lock.unlock();
  try {
    for (; missing != 0; --missing) to->arena.enqueue(tsan::handed_over([this, to] { take_task(*to); }));
  } catch (...) {
    lock.lock();
    to->tasks -= missing;
    lock.unlock();
    throw;
  }
}

void annex::take_task(hall& from) {
  std::unique_lock lock(mutex_);
  --from.tasks;
  caller* const who = first_;
  if (who == nullptr) return;
  ++who->at_work_;
  drop(*who, 1);
  try {
    add_tasks(lock);
  } catch (const std::bad_alloc&) {  // fewer come
  }
  who->welcome();
  lock.lock();
  if (--who->at_work_ == 0) who->last_has_left_.notify_one();
}

std::size_t annex::close(caller& from) {
  std::unique_lock lock(mutex_);
  from.closed_ = true;
  const std::size_t missing = from.wanted_;
  if (missing != 0) drop(from, missing);
  from.last_has_left_.wait(lock, [&] { return from.at_work_ == 0; });
  return missing;
}

void annex::drop(caller& who, std::size_t workers) noexcept {
  wanted_ -= workers;
  if (wanted_ == 0) asking_ = nullptr;
  who.wanted_ -= workers;
  if (who.wanted_ != 0) return;
  caller** place = &first_;
  while (*place != &who) place = &(*place)->next_;
  *place = who.next_;
  who.next_ = nullptr;
  if (end_ == &who.next_) end_ = place;
}

}  // namespace fanout::detail
