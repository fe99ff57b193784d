#include "competitors/std_thread_queue.hpp"
#include "stream/question.hpp"

namespace {

class std_thread_queue {
 public:
  static constexpr const char* name = perf::std_thread_queue::name;
  explicit std_thread_queue(std::size_t concurrency) : queue_(concurrency) {}

  unsigned long sum(const stream::pipeline& wanted) const {
    unsigned long sum = 0;
    queue_.run<long>(
        static_cast<std::size_t>(wanted.items), wanted.ahead,
        wanted.results == stream::order::kept ? perf::results_in::order : perf::results_in::any_order,
        [&wanted](std::size_t item) { return stream::map(static_cast<long>(item), wanted.links); },
        [&sum](long result) { sum += static_cast<unsigned long>(result); });
    return sum;
  }

 private:
  perf::std_thread_queue queue_;
};

const bool entered = [] {
  stream::enter<std_thread_queue>();
  return true;
}();

}  // namespace
