#pragma once

#include <cstddef>

namespace fanout::detail {

/// The base class of objects that can be in an intrusive_list.
template <class T>
struct list_entry {
  T* previous_in_list = nullptr;
  T* next_in_list = nullptr;
};

/// A doubly linked list that allocates nothing and owns nothing: the links are in the objects, which may be on the
/// stacks of threads that wait. Every operation takes constant time.
template <class T>
class intrusive_list {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  /// Null if the list is empty.
  T* first() const { return first_; }
  T* last() const { return last_; }

  /// The object after `each`, or null.
  static T* next(const T& each) { return static_cast<const list_entry<T>&>(each).next_in_list; }

  /// Adds at the end. Requires that the object is in no list.
  void add(T& each) { insert(last_, each, nullptr); }
  void add_after(T& before, T& each) { insert(&before, each, next(before)); }
  void add_first(T& each) { insert(nullptr, each, first_); }

  /// Requires that the object is in this list.
  void remove(T& each) {
    const list_entry<T>& links = each;
    next_of(links.previous_in_list) = links.next_in_list;
    previous_of(links.next_in_list) = links.previous_in_list;
    --size_;
  }

 private:
  T*& next_of(T* each) { return each != nullptr ? static_cast<list_entry<T>*>(each)->next_in_list : first_; }
  T*& previous_of(T* each) { return each != nullptr ? static_cast<list_entry<T>*>(each)->previous_in_list : last_; }

  void insert(T* previous, T& each, T* next) {
    static_cast<list_entry<T>&>(each) = {previous, next};
    next_of(previous) = &each;
    previous_of(next) = &each;
    ++size_;
  }

  T* first_ = nullptr;
  T* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace fanout::detail
