#pragma once

#include <utility>

namespace fanout::detail {

/// A list that objects are added to at the end and taken from at the front. The link is a member `next` of the
/// objects. Allocates nothing and owns nothing.
template <class T>
class closure_list {
 public:
  closure_list() = default;
  closure_list(const closure_list&) = delete;
  closure_list& operator=(const closure_list&) = delete;
  ~closure_list() = default;

  bool empty() const { return first_ == nullptr; }

  void add(T& each) {
    each.next = nullptr;
    (empty() ? first_ : last_->next) = &each;
    last_ = &each;
  }

  /// Null if the list is empty.
  T* take() {
    T* const taken = first_;
    if (taken != nullptr) first_ = taken->next;
    return taken;
  }

  /// Adds objects that are linked already, from the first to the last.
  void add_all(T& first, T& last) {
    (empty() ? first_ : last_->next) = &first;
    last_ = &last;
  }

  /// Moves all objects of the other list to the end of this one.
  void take_all(closure_list& from) {
    if (from.empty()) return;
    add_all(*from.first_, *from.last_);
    from.first_ = nullptr;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;  // meaningless if the list is empty
};

}  // namespace fanout::detail
