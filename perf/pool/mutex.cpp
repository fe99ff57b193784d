#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "pool/question.hpp"

namespace {

/// The pool that one writes by hand, with care: waiters in the order of arrival, each with a condition variable of its own;
/// a release hands the resource to the first of them, so that nobody overtakes and nobody wakes in vain; the pool lives as
/// long as a lease. No limit of time, no stop, no options, no figures.
class mutex_pool {
 public:
  explicit mutex_pool(std::size_t size) : resources_(size) {
    for (pool::resource& each : resources_) idle_.push_back(&each);
  }

  pool::resource* acquire() {
    std::unique_lock lock(mutex_);
    if (closed_) throw std::runtime_error("the pool has been closed");
    if (line_.empty() && !idle_.empty()) {
      pool::resource* const taken = idle_.back();
      idle_.pop_back();
      return taken;
    }
    if (spare_.empty()) spare_.emplace_back();
    line_.splice(line_.end(), spare_, spare_.begin());
    const auto self = std::prev(line_.end());
    self->lent = nullptr;
    self->answered.wait(lock, [&] { return self->lent != nullptr || closed_; });
    pool::resource* const lent = self->lent;
    if (lent == nullptr) {
      spare_.splice(spare_.end(), line_, self);
      throw std::runtime_error("the pool has been closed");
    }
    spare_.splice(spare_.end(), served_, self);
    return lent;
  }

  void give_back(pool::resource* returned) {
    std::unique_lock lock(mutex_);
    if (line_.empty()) {
      idle_.push_back(returned);  // has room for all
      return;
    }
    waiter& first = line_.front();
    first.lent = returned;
    served_.splice(served_.end(), line_, line_.begin());
    lock.unlock();
    first.answered.notify_one();  // not under the mutex, for which the waiter would have to wait
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (waiter& each : line_) each.answered.notify_one();
  }

  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return line_.size();
  }

 private:
  /// Belongs to the pool, not to the waiting thread: that one may be gone when it is notified. Used again, so that a late
  /// notification wakes somebody else in vain at worst.
  struct waiter {
    std::condition_variable answered;
    pool::resource* lent = nullptr;
  };

  std::mutex mutex_;  // guards what follows
  std::vector<pool::resource> resources_;
  std::vector<pool::resource*> idle_;
  std::list<waiter> line_;
  std::list<waiter> served_;
  std::list<waiter> spare_;
  bool closed_ = false;
};

class lease {
 public:
  explicit lease(const std::shared_ptr<mutex_pool>& from) : pool_(from), lent_(from->acquire()) {}
  lease(lease&& other) noexcept : pool_(std::move(other.pool_)), lent_(std::exchange(other.lent_, nullptr)) {}
  ~lease() {
    if (lent_ != nullptr) pool_->give_back(lent_);
  }

  pool::resource& operator*() const {
    if (lent_ == nullptr) throw std::logic_error("the lease has been released");
    return *lent_;
  }

 private:
  std::shared_ptr<mutex_pool> pool_;
  pool::resource* lent_;
};

class lender {
 public:
  explicit lender(std::size_t size) : pool_(std::make_shared<mutex_pool>(size)) {}
  lender(const lender&) = delete;
  ~lender() { pool_->close(); }

  lease acquire() { return lease(pool_); }
  std::size_t waiting() const { return pool_->waiting(); }

 private:
  const std::shared_ptr<mutex_pool> pool_;
};

const bool entered = [] {
  pool::enter<lender>("mutex");
  return true;
}();

}  // namespace
