#include "annex.hpp"

#include <algorithm>
#include <bit>
#include <new>

#include "fanout/limits.hpp"
#include "tsan.hpp"
#include "worker_budget.hpp"

namespace fanout::detail {
namespace {

// Of all teams, and of those with a promise. Counts alone, they order nothing else.
std::atomic<std::size_t> helpers_of_all{0};
std::atomic<std::size_t> helpers_promised{0};

// Sequentially consistent, and in this order: of a team with a promise and one without, at least one sees the other.
bool count(std::size_t helpers, bool promised) noexcept {
  if (promised) helpers_promised.fetch_add(helpers);
  const bool others = helpers_of_all.fetch_add(helpers) != 0;
  return promised ? others : helpers_promised.load() != 0;
}

/// For these helpers, and as many workers as oneTBB has without fanout: others may keep these busy.
std::size_t workers_for(std::size_t helpers) { return helpers + available_concurrency() - 1; }

}  // namespace

annex::team::team(std::size_t helpers, bool promised) noexcept
    : helpers_(helpers), promised_(promised), has_company_(count(helpers, promised)) {}

annex::team::~team() {
  helpers_of_all.fetch_sub(helpers_, std::memory_order_relaxed);
  if (promised_) helpers_promised.fetch_sub(helpers_, std::memory_order_relaxed);
}

// Halls are made here, and not when they are needed, because oneTBB ends the process where it has no memory for an
// arena.
annex::places::places(std::size_t all) : all_(all) {
  if (all == 0) return;
  annex& home = of_process();
  const std::size_t allowed = worker_budget::current_limit() - 1;
  const std::lock_guard lock(home.mutex_);
  home.open_halls(workers_for(home.places_ + all), allowed);
  home.places_ += all;
}

annex::places::~places() {
  if (all_ == 0) return;
  annex& home = of_process();
  const std::lock_guard lock(home.mutex_);
  home.places_ -= all_;
}

// Sequentially consistent, as the two in `call` and `add_tasks`: of one who gives back a place and one who begins to
// wait for it, at least one sees the other.
void annex::places::give_back(std::size_t some) noexcept {
  if (some == 0) return;
  taken_.fetch_sub(some);
  if (callers_.load() == 0) return;
  annex& home = of_process();
  std::unique_lock lock(home.mutex_);
  try {
    home.add_tasks(lock);
  } catch (const std::bad_alloc&) {  // no worker comes for it now
  }
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

/// None is larger than what oneTBB is allowed now: it would complain on stderr.
void annex::open_halls(std::size_t workers, std::size_t allowed) {
  for (;;) {
    const std::size_t largest = halls_.empty() ? 0 : halls_.back()->room;
    if (largest >= std::min(workers, allowed)) return;
    halls_.push_back(std::make_unique<hall>(std::min(std::bit_ceil(largest + 1), allowed)));
  }
}

annex::hall& annex::hall_for_now() noexcept {
  const std::size_t workers = workers_for(helpers_of_all.load(std::memory_order_relaxed));
  const auto found =
      std::find_if(halls_.begin(), halls_.end() - 1, [&](const auto& each) { return each->room >= workers; });
  return **found;  // the largest, if none is large enough
}

bool annex::call(caller& from, std::size_t workers) {
  const std::size_t allowed = worker_budget::current_limit() - 1;
  if (allowed == 0) return false;  // oneTBB would send one all the same, to what is enqueued
  std::unique_lock lock(mutex_);
  if (from.closed_) return false;
  open_halls(workers_for(places_), allowed);  // an application's own limit may have been lower then, and is gone
  if (from.wanted_ == 0 && workers != 0) {
    *end_ = &from;
    end_ = &from.next_;
    from.where_.callers_.fetch_add(1);
  }
  from.wanted_ += workers;
  add_tasks(lock);
  return true;
}

annex::caller* annex::first_who_has_place() const noexcept {
  caller* who = first_;
  while (who != nullptr && !who->where_.one_is_free()) who = who->next_;
  return who;
}

/// Two for the workers that are wanted and have a place, or one.
std::size_t annex::tasks_needed() const noexcept {
  constexpr std::size_t enough = 2;
  std::size_t needed = 0;
  for (const caller* each = first_; each != nullptr && needed < enough; each = each->next_)
    if (each->where_.one_is_free()) needed += each->wanted_;
  return std::min(needed, enough);
}

/// Sees to it that there are tasks enough in a hall that is large enough. Unlocks: oneTBB may wake somebody on the
/// way.
void annex::add_tasks(std::unique_lock<std::mutex>& lock) {
  const std::size_t needed = tasks_needed();
  if (needed == 0) return lock.unlock();
  hall& to = hall_for_now();
  std::size_t missing = needed - std::min(needed, to.tasks);
  to.tasks += missing;
  lock.unlock();
  while (missing != 0) {
    try {
      --missing;
      to.arena.enqueue(tsan::handed_over([this, &to] { take_task(to); }));
    } catch (const std::bad_alloc&) {
      lock.lock();
      to.tasks -= missing + 1;
      lock.unlock();
      throw;
    } catch (...) {  // oneTBB could not create a worker: the task is there all the same
    }
  }
}

void annex::take_task(hall& from) noexcept {
  std::unique_lock lock(mutex_);
  if (from.tasks != 0) --from.tasks;  // else oneTBB threw for want of memory when the task was there already
  while (caller* const who = first_who_has_place()) {
    who->where_.take(1);
    ++who->at_work_;
    drop(*who, 1);
    try {
      add_tasks(lock);
    } catch (const std::bad_alloc&) {  // fewer come
    }
    who->welcome();
    lock.lock();
    who->where_.taken_.fetch_sub(1);  // this thread itself looks who waits for it
    if (--who->at_work_ == 0) who->last_has_left_.notify_one();
  }
}

void annex::close(caller& from) {
  std::unique_lock lock(mutex_);
  from.closed_ = true;
  if (from.wanted_ != 0) drop(from, from.wanted_);
  from.last_has_left_.wait(lock, [&] { return from.at_work_ == 0; });
}

void annex::drop(caller& who, std::size_t workers) noexcept {
  who.wanted_ -= workers;
  if (who.wanted_ != 0) return;
  who.where_.callers_.fetch_sub(1);
  caller** place = &first_;
  while (*place != &who) place = &(*place)->next_;
  *place = who.next_;
  who.next_ = nullptr;
  if (end_ == &who.next_) end_ = place;
}

}  // namespace fanout::detail
