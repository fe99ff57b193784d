#include "gate.hpp"

#include <algorithm>
#include <vector>

namespace fanout::detail {
namespace {

/// The waits of nested callers in all gates of the process.
class wait_list {
 public:
  struct wait {
    const frame* from;             // holds a place in every executor around it …
    const executor_core* wanted;  // … and waits for one in this
  };

  /// False if the wait would close a cycle; else it is listed until `remove`.
  bool add(const wait& added) {
    const std::lock_guard lock(mutex_);
    std::vector<const executor_core*> followed;
    if (leads_to(added.wanted, added.from, followed)) return false;
    waits_.push_back(&added);
    return true;
  }

  void remove(const wait& removed) {
    const std::lock_guard lock(mutex_);
    waits_.erase(std::find(waits_.begin(), waits_.end(), &removed));
  }

 private:
  /// Whether somebody inside `wanted` waits, directly or not, for an executor around `from`.
  bool leads_to(const executor_core* wanted, const frame* from, std::vector<const executor_core*>& followed) {
    if (std::find(followed.begin(), followed.end(), wanted) != followed.end()) return false;
    followed.push_back(wanted);
    return std::any_of(waits_.begin(), waits_.end(), [&](const wait* each) {
      return each->from->within(*wanted) && (from->within(*each->wanted) || leads_to(each->wanted, from, followed));
    });
  }

  std::mutex mutex_;
  std::vector<const wait*> waits_;
};

wait_list& waits_of_process() {
  static wait_list& list = *new wait_list;  // never destroyed: executors may be used by static destructors
  return list;
}

}  // namespace

gate::entry gate::enter(const frame* from, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (try_enter()) return entry::admitted;
  }
  const wait_list::wait this_wait{from, &executor_};
  if (from != nullptr && !waits_of_process().add(this_wait)) return entry::would_deadlock;

  waiter self;
  {
    const std::stop_callback on_stop(stop, [this, &self] {
      const std::lock_guard lock(mutex_);
      send_away([&self](const waiter& each) { return &each == &self; });
      if (self.state == waiter::state::waiting) self.state = waiter::state::sent_away;  // not queued yet
    });
    std::unique_lock lock(mutex_);
    if (self.state == waiter::state::waiting) {
      if (try_enter()) {
        self.state = waiter::state::admitted;
      } else {
        wait(self, lock);
      }
    }
  }  // the callback has ended: `self` may go
  if (from != nullptr) waits_of_process().remove(this_wait);
  return self.state == waiter::state::admitted ? entry::admitted : entry::stopped;
}

bool gate::join(const session& batch) {
  std::unique_lock lock(mutex_);
  if (batch.closed) return false;
  if (try_enter()) return true;
  waiter self;
  self.batch = &batch;
  wait(self, lock);
  return self.state == waiter::state::admitted;
}

void gate::leave() {
  const std::lock_guard lock(mutex_);
  --inside_;
  admit_next();
}

void gate::close(session& batch) {
  const std::lock_guard lock(mutex_);
  batch.closed = true;
  send_away([&batch](const waiter& each) { return each.batch == &batch; });
}

std::size_t gate::waiting() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const waiter* each = first_; each != nullptr; each = each->next) ++count;
  return count;
}

// A newcomer never overtakes: who waits is admitted by who leaves, so a free place means an empty queue.
bool gate::try_enter() {
  if (inside_ == limit_) return false;
  ++inside_;
  return true;
}

void gate::wait(waiter& self, std::unique_lock<std::mutex>& lock) {
  *end_ = &self;
  end_ = &self.next;
  self.answered.wait(lock, [&self] { return self.state != waiter::state::waiting; });
}

// Under the mutex: once it is released the waiter may be gone.
void gate::answer(waiter& other, enum waiter::state answer) {
  other.state = answer;
  other.answered.notify_one();
}

void gate::admit_next() {
  if (first_ == nullptr) return;
  waiter& admitted = *first_;
  first_ = admitted.next;
  if (first_ == nullptr) end_ = &first_;
  ++inside_;
  answer(admitted, waiter::state::admitted);
}

template <class Predicate>
void gate::send_away(Predicate applies) {
  waiter** link = &first_;
  while (*link != nullptr) {
    waiter& each = **link;
    if (applies(each)) {
      *link = each.next;
      answer(each, waiter::state::sent_away);
    } else {
      link = &each.next;
    }
  }
  end_ = link;
}

}  // namespace fanout::detail
