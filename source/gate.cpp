#include "gate.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

namespace fanout::detail {
namespace {

/// The waits of nested callers in all gates of the process.
class wait_list {
 public:
  struct wait {
    const frame* from;            // may have a place in every executor around it …
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
    if (places_.empty() && try_enter()) return entry::admitted;
  }
  const auto wait_for_place = [&] {
    const auto now = [this] { return places_.empty() && try_enter(); };
    return wait_unless_stopped(places_, now, stop) ? entry::admitted : entry::stopped;
  };
  if (from == nullptr) return wait_for_place();

  const wait_list::wait this_wait{from, &executor_};
  if (!from->within(executor_) && waits_of_process().add(this_wait)) {
    const entry ended = wait_for_place();
    waits_of_process().remove(this_wait);
    return ended;
  }
  const bool has_turn = wait_unless_stopped(turns_, [this] { return try_turn(); }, stop);
  return has_turn ? entry::borrowed_turn : entry::stopped;
}

bool gate::join(const session& batch) {
  std::unique_lock lock(mutex_);
  if (batch.closed) return false;
  if (places_.empty() && try_join()) return true;
  waiter self;
  self.batch = &batch;
  wait_in(places_, self, lock);
  return self.state == waiter::state::admitted;
}

void gate::leave(session* closed) {
  const std::lock_guard lock(mutex_);
  assert(inside_ != 0 && working_ != 0);
  close(closed);
  --inside_;
  --working_;
  serve();
}

void gate::vacate() {
  const std::lock_guard lock(mutex_);
  assert(seated_ != 0);
  --seated_;
  serve();
}

void gate::return_turn(session* closed) {
  const std::lock_guard lock(mutex_);
  assert(working_ != 0);
  close(closed);
  --working_;
  serve();
}

void gate::step_out(session* closed) { return_turn(closed); }

void gate::step_in() {
  std::unique_lock lock(mutex_);
  if (try_turn()) return;
  waiter self;
  wait_in(turns_, self, lock);
}

std::size_t gate::waiting() const {
  const std::lock_guard lock(mutex_);
  return turns_.size() + places_.size();
}

bool gate::try_enter() {
  if (!has_seat() || !try_join()) return false;
  ++seated_;
  return true;
}

bool gate::try_join() {
  if (!has_place()) return false;
  ++inside_;
  ++working_;
  return true;
}

bool gate::try_turn() {
  if (!has_turn()) return false;
  ++working_;
  return true;
}

// Before `serve`, which would admit those whom it sends away.
void gate::close(session* batch) {
  if (batch == nullptr || batch->closed) return;
  batch->closed = true;
  places_.send_away([batch](const waiter& each) { return each.batch == batch; });
}

// Called whenever a turn, a place or a seat comes free. A newcomer never overtakes: it asks whether somebody waits for a
// place; and while somebody waits for a turn, there is none.
void gate::serve() {
  while (!turns_.empty() && try_turn()) answer(turns_.take_first(), waiter::state::admitted);
  while (!places_.empty() && (places_.first().batch == nullptr ? try_enter() : try_join()))
    answer(places_.take_first(), waiter::state::admitted);
}

template <class Try>
bool gate::wait_unless_stopped(queue& line, Try try_now, const std::stop_token& stop) {
  waiter self;
  {
    const std::stop_callback on_stop(stop, [&, this] {
      const std::lock_guard lock(mutex_);
      line.send_away([&self](const waiter& each) { return &each == &self; });
      if (self.state == waiter::state::waiting) self.state = waiter::state::sent_away;  // not in the line yet
      serve();  // a helper behind a caller that lacked a seat
    });
    std::unique_lock lock(mutex_);
    if (self.state == waiter::state::waiting) {
      if (try_now()) {
        self.state = waiter::state::admitted;
      } else {
        wait_in(line, self, lock);
      }
    }
  }  // the callback has ended: `self` may go
  return self.state == waiter::state::admitted;
}

void gate::wait_in(queue& line, waiter& self, std::unique_lock<std::mutex>& lock) {
  line.add(self);
  self.answered.wait(lock, [&self] { return self.state != waiter::state::waiting; });
}

// Under the mutex: once it is released the waiter may be gone.
void gate::answer(waiter& other, enum waiter::state answer) {
  other.state = answer;
  other.answered.notify_one();
}

std::size_t gate::queue::size() const {
  std::size_t count = 0;
  for (const waiter* each = first_; each != nullptr; each = each->next) ++count;
  return count;
}

void gate::queue::add(waiter& last) {
  *end_ = &last;
  end_ = &last.next;
}

gate::waiter& gate::queue::take_first() {
  waiter& first = *first_;
  first_ = first.next;
  if (first_ == nullptr) end_ = &first_;
  return first;
}

template <class Predicate>
void gate::queue::send_away(Predicate applies) {
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
