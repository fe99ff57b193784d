#include "engine/agenda.hpp"

#include <algorithm>
#include <numeric>

namespace fanout::detail {
namespace {

// For the functions of heaps, whose first element is the largest.
constexpr auto comes_later = [](const auto& one, const auto& other) { return one.what.rank > other.what.rank; };
constexpr auto wakes_later = [](const auto& one, const auto& other) {
  return one.from != other.from ? one.from > other.from : one.what.rank > other.what.rank;
};

template <class T, class Before>
void push(std::vector<T>& heap, T each, const Before& before) noexcept {
  heap.push_back(std::move(each));
  std::push_heap(heap.begin(), heap.end(), before);
}

template <class T, class Before>
T pop(std::vector<T>& heap, const Before& before) noexcept {
  std::pop_heap(heap.begin(), heap.end(), before);
  T first = std::move(heap.back());
  heap.pop_back();
  return first;
}

template <class T>
void make_room(std::vector<T>& heap, std::size_t size) {
  if (heap.capacity() < size) heap.reserve(std::max(size, 2 * heap.capacity()));
}

}  // namespace

agenda::agenda(std::size_t size, const std::function<std::int64_t(std::size_t)>& priority) : size_(size) {
  if (!priority) return;
  std::vector<std::int64_t> of_task(size);
  for (std::size_t index = 0; index != size; ++index) of_task[index] = priority(index);
  order_.resize(size);
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::sort(order_.begin(), order_.end(), [&](std::size_t one, std::size_t other) {
    return of_task[one] != of_task[other] ? of_task[one] > of_task[other] : one < other;
  });
}

agenda::work agenda::take() {
  if (!ready_.empty() && (next_new_ == size_ || ready_.front().what.rank < next_new_))
    return pop(ready_, comes_later).what;
  const std::uint64_t rank = next_new_++;
  return {.rank = rank, .index = order_.empty() ? static_cast<std::size_t>(rank) : order_[rank]};
}

void agenda::put_back(work&& taken) noexcept {
  if (taken.attempt == 1) {
    --next_new_;
  } else {
    push(ready_, again{std::move(taken), {}}, comes_later);
  }
}

void agenda::try_again(const work& ended, const std::exception_ptr& cause, time_point from) {
  if (ended.attempt == 1) {
    make_room(ready_, tried_again_ + 1);
    make_room(later_, tried_again_ + 1);
    ++tried_again_;
  }
  push(later_, again{{ended.rank, ended.index, ended.attempt + 1, cause}, from}, wakes_later);
}

void agenda::wake(time_point now) noexcept {
  while (next_time() <= now) push(ready_, pop(later_, wakes_later), comes_later);
}

}  // namespace fanout::detail
