#pragma once

#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace fanout::detail {

/// Calls workers that oneTBB would not send by itself.
///
/// oneTBB takes a worker's place for vacant while it is busy. An arena asks for all its workers when it gets a task,
/// and for none once somebody has found no task left in it, though the last ones may still run, for hours; and oneTBB
/// wakes as many workers as are asked for *in all*, less those that are awake (`market::adjust_demand` and
/// `private_server::wake_some` in 2021.8, thread_request_serializer.cpp in 2023.2). So the workers in somebody's long
/// last tasks count as having come to whoever asks next. A `task_arena` for three workers beside another one's three
/// in their last tasks gets none (measured), until those end.
///
/// Here is an arena in which nothing is done but that workers are asked for: for all that may be at work for fanout,
/// those that are wanted now included, and for as many as other users of oneTBB keep busy on the cores. It asks as long
/// as one is missing, because oneTBB counts it as having work so long. A worker that comes takes a task, which says
/// "here I am", and goes to whoever has waited longest; and then to the next, if there is one. A task that nobody needs
/// any more stays until a worker takes it, which may be after the call that it was for.
///
/// One mutex guards all. It is taken once for each call and twice for each worker that comes, by those only that call
/// workers this way.
class annex {
 public:
  /// The places of an arena for workers that help: no more of them are sent there at once.
  class places {
   public:
    explicit places(std::size_t all);
    places(const places&) = delete;
    places& operator=(const places&) = delete;
    ~places();

    /// Takes so many, without asking: helpers were called in another way.
    void take(std::size_t some) noexcept { taken_.fetch_add(some, std::memory_order_relaxed); }

    /// Gives some back that were taken so.
    void give_back(std::size_t some) noexcept;

   private:
    friend annex;
    bool one_is_free() const noexcept { return taken_.load() < all_; }

    const std::size_t all_;
    std::atomic<std::size_t> taken_{0};
    std::atomic<std::size_t> callers_{0};  // who wait for workers, for a place therefore
  };

  /// Somebody who wants workers.
  class caller {
   public:
    explicit caller(places& where) : where_(where) {}
    caller(const caller&) = delete;
    caller& operator=(const caller&) = delete;

    /// A worker has come, and has a place: this is what it does here.
    virtual void welcome() noexcept = 0;

   protected:
    virtual ~caller() = default;

   private:
    friend annex;
    places& where_;
    // Guarded by the annex.
    std::size_t wanted_ = 0;
    std::size_t at_work_ = 0;
    bool closed_ = false;
    std::condition_variable last_has_left_;
    caller* next_ = nullptr;
  };

  static annex& of_process();

  /// Calls so many workers more, who come as there are places; false, and nothing is done, if the caller has closed,
  /// or the application has forbidden all workers. Returns at once; costs two tasks at most, however many are called:
  /// who comes calls the next two. Throws `std::bad_alloc` if there is no memory to call. (Where there is none later to
  /// call the next, or for another caller at this very moment, they come when somebody else calls.)
  bool call(caller& from, std::size_t workers);

  /// No worker comes any more. Returns when all have left that had come, and what they did happens before.
  void close(caller& from);

  /// A team counts its helpers here, as many as it may have at once, as long as it may have some; however it calls
  /// them.
  class team {
   public:
    team(std::size_t helpers, bool promised) noexcept;
    team(const team&) = delete;
    team& operator=(const team&) = delete;
    ~team();

    /// Whether there was another one when it came whose workers might be busy, and it be short of workers therefore:
    /// any for a team whose number was promised; one with a promise for others, because the others together have no
    /// more workers than there are cores.
    bool has_company() const noexcept { return has_company_; }

   private:
    const std::size_t helpers_;
    const bool promised_;
    const bool has_company_;
  };

 private:
  /// An arena that asks for so many workers, as long as there is a task in it. There are some, for 1, 2, 4, …: one
  /// that always asked for all that oneTBB is allowed would wake them all for each call.
  struct hall {
    explicit hall(std::size_t workers);
    tbb::task_arena arena;
    const std::size_t room;
    std::size_t tasks = 0;  // that nobody has taken
  };

  void open_halls(std::size_t workers, std::size_t allowed);
  hall& hall_for_now() noexcept;
  std::size_t tasks_needed() const noexcept;
  void add_tasks(std::unique_lock<std::mutex>& lock);
  void take_task(hall& from) noexcept;
  caller* first_who_has_place() const noexcept;
  void drop(caller& who, std::size_t workers) noexcept;

  std::mutex mutex_;         // guards what follows
  std::size_t places_ = 0;   // of all arenas that live
  caller* first_ = nullptr;  // who has waited longest
  caller** end_ = &first_;
  std::vector<std::unique_ptr<hall>> halls_;  // the smallest first
};

}  // namespace fanout::detail
