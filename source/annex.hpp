#pragma once

#include <oneapi/tbb/task_arena.h>

#include <array>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace fanout::detail {

/// Calls workers that oneTBB would not send by itself.
///
/// oneTBB takes a worker's place for vacant while it is busy. An arena asks for all its workers when it gets a task, and
/// for none once somebody has found no task left in it, though the last ones may still run, for hours; and oneTBB wakes
/// as many workers as are asked for *in all*, less those that are awake (`market::adjust_demand` and
/// `private_server::wake_some` in 2021.8, thread_request_serializer.cpp in 2023.2). So the workers in somebody's long
/// last tasks count as having come to whoever asks next. A `task_arena` for three workers beside another one's three in
/// their last tasks gets none (measured), until those end.
///
/// Here is an arena in which nothing is done but that workers are asked for: for all that are at work for fanout, for
/// those that are wanted now, and for as many as other users of oneTBB may keep busy. It asks as long as one is missing,
/// because oneTBB counts it as having work so long. A worker that comes takes a task, which says "here I am", and
/// goes to whoever has waited longest.
///
/// One mutex guards all. It is taken once for each call and twice for each worker that comes, by those only that call
/// workers this way.
class annex {
 public:
  /// Somebody who wants workers.
  class caller {
   public:
    caller() = default;
    caller(const caller&) = delete;
    caller& operator=(const caller&) = delete;

    /// A worker has come: this is what it does here.
    virtual void welcome() noexcept = 0;

   protected:
    virtual ~caller() = default;

   private:
    friend annex;
    // Guarded by the annex.
    std::size_t wanted_ = 0;
    std::size_t at_work_ = 0;
    bool closed_ = false;
    std::condition_variable last_has_left_;
    caller* next_ = nullptr;
  };

  static annex& of_process();

  /// Makes the arena that a team of so many helpers would need now: oneTBB ends the process where it has no memory for one.
  void prepare(std::size_t helpers);

  /// Calls so many workers more; false, and nothing is done, if the caller has closed, or the application has forbidden
  /// all workers. Returns at once; costs two tasks at most, however many are called: who comes calls the next two. Throws
  /// `std::bad_alloc` if there is no memory to call; they are counted by `close` all the same. (Where there is none
  /// later, to call the next, they come when somebody else calls.)
  bool call(caller& from, std::size_t workers);

  /// No worker comes any more. Returns when all have left that had come, and what they did happens before. Returns how
  /// many did not come.
  std::size_t close(caller& from);

  /// A team counts its helpers here, as many as it may have at once, as long as it may have some; however it calls them.
  class team {
   public:
    team(std::size_t helpers, bool promised) noexcept;
    team(const team&) = delete;
    team& operator=(const team&) = delete;
    ~team();

    /// Whether there was another one when it came whose workers might be busy, and it be short of workers therefore: any for
    /// a team whose number was promised; one with a promise for others, because the others together have no more workers
    /// than there are cores.
    bool has_company() const noexcept { return has_company_; }

   private:
    const std::size_t helpers_;
    const bool promised_;
    const bool has_company_;
  };

 private:
  /// An arena that asks for some number of workers, as long as there is a task in it. There are some, of several sizes:
  /// one that always asked for all that oneTBB is allowed would wake them all for each call.
  struct hall {
    explicit hall(std::size_t workers);
    tbb::task_arena arena;
    const std::size_t room;
    std::size_t tasks = 0;  // that nobody has taken
  };

  hall& hall_for(std::size_t helpers);
  void add_tasks(std::unique_lock<std::mutex>& lock);
  void take_task(hall& from);
  void drop(caller& who, std::size_t workers) noexcept;

  std::mutex mutex_;         // guards what follows
  caller* first_ = nullptr;  // who has waited longest
  caller** end_ = &first_;
  std::size_t wanted_ = 0;                      // by all callers
  hall* asking_ = nullptr;                      // while workers are wanted: the largest that was needed since
  std::array<std::unique_ptr<hall>, 8> halls_;  // for 1, 2, 4, … workers
  std::vector<std::unique_ptr<hall>> largest_;  // for all that oneTBB is allowed, as this grew: the last one is used
};

}  // namespace fanout::detail
