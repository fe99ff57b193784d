#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace perf {

/// Whether results are read in the order of their items, or as they come.
enum class results_in { order, any_order };

/// What many programs have for an input that does not fit into memory: threads that take items and put results under one
/// mutex, and a bounded ring. Written with care: nobody is notified who does not wait.
class std_thread_queue {
 public:
  static constexpr const char* name = "std_thread_queue";

  explicit std_thread_queue(std::size_t concurrency) : concurrency_(concurrency) {}

  /// Calls `read(map(i))` for each i from 0 to below `size`, `map` on the threads and `read` on the calling thread, with
  /// no more than `ahead` items on the way. Neither may throw. Throws `std::system_error` if the system refuses a
  /// thread; then some have been mapped.
  template <class Result, class Map, class Read>
  void run(std::size_t size, std::size_t ahead, results_in order, const Map& map, const Read& read) const {
    work<Result, Map> shared(size, ahead, order, map);
    std::vector<std::jthread> threads;
    threads.reserve(concurrency_);
    try {
      while (threads.size() != concurrency_) threads.emplace_back([&] { shared.map_all(); });
    } catch (...) {
      shared.give_up();
      throw;
    }
    shared.read_all(read);
  }

 private:
  template <class Result, class Map>
  class work {
   public:
    work(std::size_t size, std::size_t ahead, results_in order, const Map& map)
        : size_(size), order_(order), map_(map), places_(ahead) {}

    void map_all() {
      std::unique_lock lock(mutex_);
      while (next_ < size_) {
        if (on_the_way_ == places_.size()) {
          ++idle_;
          has_room_.wait(lock, [this] { return on_the_way_ != places_.size() || next_ >= size_; });
          --idle_;
          continue;
        }
        const std::size_t item = next_++;
        ++on_the_way_;
        lock.unlock();
        Result result = map_(item);
        lock.lock();
        place& filled = at(order_ == results_in::order ? item : finished_++);
        filled.value = std::move(result);
        filled.ready = true;
        if (reader_waits_ && at(taken_).ready) has_result_.notify_one();
      }
    }

    template <class Read>
    void read_all(const Read& read) {
      std::unique_lock lock(mutex_);
      for (; taken_ != size_; ++taken_) {
        place& wanted = at(taken_);
        reader_waits_ = true;
        has_result_.wait(lock, [&] { return wanted.ready; });
        reader_waits_ = false;
        Result result = std::move(wanted.value);
        wanted.ready = false;
        lock.unlock();
        read(std::move(result));
        lock.lock();
        --on_the_way_;
        if (idle_ != 0) has_room_.notify_one();
      }
      lock.unlock();
      has_room_.notify_all();
    }

    void give_up() {
      {
        const std::lock_guard lock(mutex_);
        next_ = size_;
      }
      has_room_.notify_all();
    }

   private:
    struct place {
      Result value{};
      bool ready = false;
    };
    place& at(std::size_t number) { return places_[number % places_.size()]; }

    const std::size_t size_;
    const results_in order_;
    const Map& map_;
    std::mutex mutex_;  // guards the rest
    std::condition_variable has_room_;
    std::condition_variable has_result_;
    std::vector<place> places_;
    std::size_t next_ = 0;
    std::size_t taken_ = 0;
    std::size_t finished_ = 0;
    std::size_t on_the_way_ = 0;
    int idle_ = 0;
    bool reader_waits_ = false;
  };

  std::size_t concurrency_;
};

}  // namespace perf
