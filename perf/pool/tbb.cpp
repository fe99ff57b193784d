#include <oneapi/tbb/concurrent_queue.h>

#include <utility>

#include "pool/question.hpp"

namespace {

// The bare queue: a pop and a push. No limit of time, no stop, no close, nothing that outlives it, no check, no figures.
class lender {
 public:
  class lease {
   public:
    explicit lease(lender& from) : queue_(&from.idle_) { queue_->pop(lent_); }
    lease(lease&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)), lent_(other.lent_) {}
    ~lease() {
      if (queue_ != nullptr) queue_->push(lent_);
    }
    pool::resource& operator*() const { return *lent_; }

   private:
    tbb::concurrent_bounded_queue<pool::resource*>* queue_;
    pool::resource* lent_ = nullptr;
  };

  explicit lender(std::size_t size) : resources_(size) {
    for (pool::resource& each : resources_) idle_.push(&each);
  }

  lease acquire() { return lease(*this); }
  std::size_t waiting() const { return static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, -idle_.size())); }

 private:
  std::vector<pool::resource> resources_;
  tbb::concurrent_bounded_queue<pool::resource*> idle_;
};

const bool entered = [] {
  pool::enter<lender>("tbb_queue");
  return true;
}();

}  // namespace
