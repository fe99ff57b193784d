#include "presence.hpp"

#include <utility>

namespace fanout::detail {
namespace {

presence*& current_presence() {
  static thread_local presence* current = nullptr;
  return current;
}

}  // namespace

const presence* presence::of_this_thread_in(const gate& where) {
  const presence* const current = current_presence();
  return current != nullptr && current->where_ == &where ? current : nullptr;
}

presence::presence(gate& where, kind how)
    : where_(&where),
      how_(how),
      outer_(std::exchange(current_presence(), nullptr)),
      has_seat_(how == kind::caller || (how == kind::shared && outer_->has_seat_)) {}

presence::~presence() { end(); }

void presence::end() {
  if (where_ == nullptr || std::exchange(ended_, true)) return;
  if (how_ == kind::shared) {
    if (resting_) where_->step_in();
  } else {
    rest();
    if (how_ == kind::caller) where_->vacate();
  }
  current_presence() = outer_;
}

void presence::rest(gate::session* closed) {
  if (where_ == nullptr || resting_) return;
  resting_ = true;
  switch (how_) {
    case kind::caller:
    case kind::helper:
      return where_->leave(closed);
    case kind::turn:
      return where_->return_turn(closed);
    case kind::shared:
      return where_->step_out(closed);
  }
}

work::work(presence& under) : before_(current_presence()) {
  if (under.where_ != nullptr) current_presence() = &under;
}

work::~work() { current_presence() = before_; }

absence::absence()
    : left_(std::exchange(current_presence(), nullptr)), where_(left_ != nullptr ? left_->where_ : nullptr) {
  if (where_ != nullptr) where_->step_out();
}

absence::~absence() {
  if (where_ != nullptr) where_->step_in();
  current_presence() = left_;
}

}  // namespace fanout::detail
