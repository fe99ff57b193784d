#pragma once

#include <cstddef>

namespace fanout::detail {

/// A base of what can be in an intrusive_list.
template <class T>
class list_entry {
  template <class>
  friend class intrusive_list;

  T* previous_ = nullptr;
  T* next_ = nullptr;
};

/// Objects in the order in which they were added. The list allocates nothing and owns nothing: its links lie in the
/// objects, which may lie on the stacks of threads that wait. Each step takes constant time.
template <class T>
class intrusive_list {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  /// Null if the list is empty.
  T* first() const { return first_; }
  T* last() const { return last_; }

  /// The one after `each`, or null.
  static T* next(const T& each) { return links(each).next_; }

  /// Adds at the end. Requires that the object is in no list.
  void add(T& each) { insert(each, last_, nullptr); }
  void add_first(T& each) { insert(each, nullptr, first_); }

  /// Requires that the object is in this list.
  void remove(T& each) {
    T* const previous = links(each).previous_;
    T* const next = links(each).next_;
    link(previous, next);
    link_back(next, previous);
    --size_;
  }

 private:
  static list_entry<T>& links(T& each) { return each; }
  static const list_entry<T>& links(const T& each) { return each; }

  void insert(T& each, T* previous, T* next) {
    links(each).previous_ = previous;
    links(each).next_ = next;
    link(previous, &each);
    link_back(next, &each);
    ++size_;
  }
  void link(T* previous, T* next) { (previous != nullptr ? links(*previous).next_ : first_) = next; }
  void link_back(T* next, T* previous) { (next != nullptr ? links(*next).previous_ : last_) = previous; }

  T* first_ = nullptr;
  T* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace fanout::detail
