#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "stream/question.hpp"

namespace {

/// What many programs have: threads that take items and put results under one mutex, and a bounded ring. Written with
/// care: nobody is notified who does not wait.
class std_thread_queue {
 public:
  static constexpr const char* name = "std_thread_queue";
  explicit std_thread_queue(std::size_t concurrency) : concurrency_(concurrency) {}

  unsigned long sum(const stream::pipeline& wanted) const {
    work shared(wanted);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i != concurrency_; ++i) threads.emplace_back([&] { shared.map_all(); });
    return shared.read_all();
  }

 private:
  class work {
   public:
    explicit work(const stream::pipeline& wanted) : wanted_(wanted), places_(wanted.ahead) {}

    void map_all() {
      std::unique_lock lock(mutex_);
      for (;;) {
        if (next_ == wanted_.items) return;
        if (on_the_way_ == wanted_.ahead) {
          ++idle_;
          has_room_.wait(lock, [this] { return on_the_way_ != wanted_.ahead || next_ == wanted_.items; });
          --idle_;
          continue;
        }
        const long item = next_++;
        ++on_the_way_;
        lock.unlock();
        const long result = stream::map(item, wanted_.links);
        lock.lock();
        place& filled = at(wanted_.results == stream::order::kept ? item : finished_++);
        filled = {result, true};
        if (reader_waits_ && at(taken_).ready) has_result_.notify_one();
      }
    }

    unsigned long read_all() {
      unsigned long sum = 0;
      std::unique_lock lock(mutex_);
      for (; taken_ != wanted_.items; ++taken_) {
        place& wanted = at(taken_);
        reader_waits_ = true;
        has_result_.wait(lock, [&] { return wanted.ready; });
        reader_waits_ = false;
        sum += static_cast<unsigned long>(wanted.value);
        wanted.ready = false;
        --on_the_way_;
        if (idle_ != 0) has_room_.notify_one();
      }
      has_room_.notify_all();
      return sum;
    }

   private:
    struct place {
      long value = 0;
      bool ready = false;
    };
    place& at(long number) { return places_[static_cast<std::size_t>(number) % places_.size()]; }

    const stream::pipeline& wanted_;
    std::mutex mutex_;  // guards the rest
    std::condition_variable has_room_;
    std::condition_variable has_result_;
    std::vector<place> places_;
    long next_ = 0;
    long taken_ = 0;
    long finished_ = 0;
    std::size_t on_the_way_ = 0;
    int idle_ = 0;
    bool reader_waits_ = false;
  };

  std::size_t concurrency_;
};

const bool entered = [] {
  stream::enter<std_thread_queue>();
  return true;
}();

}  // namespace
