#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/detail/batch.hpp"

/// Inputs. An input is made from any range, or from a number of indices; it has a size, and any thread can get an item
/// by its index.
///
/// Items that cannot be reached by index are read once, on the calling thread, before anything runs. So an exception
/// of an iterator reaches the caller before any task has started, and user code in an iterator never runs on two
/// threads.
namespace fanout::detail {

/// Items that stay where they are, or that can be stored.
template <class Range>
concept reachable_items =
    (std::ranges::forward_range<Range> && std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>>) ||
    (std::constructible_from<std::ranges::range_value_t<Range>, std::ranges::range_reference_t<Range>> &&
     std::move_constructible<std::ranges::range_value_t<Range>>);

/// Any finite input range, as a forwarding reference.
template <class Range>
concept input_of_batch =
    std::ranges::input_range<Range> &&
    !std::same_as<std::ranges::sentinel_t<Range>, std::unreachable_sentinel_t> && reachable_items<Range>;

/// True if tasks may move the items of the range, that is, for an rvalue that owns them. A range owns its items if
/// constness of the range makes them const. A pair of pointers does not own its items: they stay non-const even if
/// the pair is const.
template <class Range>
inline constexpr bool gives_items_away = false;
template <class Range>
  requires(!std::is_lvalue_reference_v<Range> && !std::ranges::view<Range> && !std::ranges::borrowed_range<Range> &&
           std::ranges::range<const Range>)
inline constexpr bool gives_items_away<Range> =
    std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<const Range>>>;

/// A range whose items are contiguous in memory.
template <class Range>
concept in_memory = std::ranges::contiguous_range<Range> && std::ranges::sized_range<Range>;

template <class View>
inline constexpr bool is_iota_of_integers = false;
template <std::integral Number, std::integral Bound>
inline constexpr bool is_iota_of_integers<std::ranges::iota_view<Number, Bound>> = true;

/// A range of consecutive integers. Other ranges that generate their items are read in advance and kept, because
/// their iterators may run user code.
template <class Range>
concept counted = is_iota_of_integers<std::remove_cvref_t<Range>>;

/// Items that are used in place, without a copy or an allocation.
template <in_memory Range>
class contiguous_input {
  using item = std::remove_reference_t<std::ranges::range_reference_t<Range>>;
  using given = std::conditional_t<gives_items_away<Range>, item&&, item&>;

 public:
  explicit contiguous_input(Range& range)
      : first_(std::ranges::data(range)), size_(static_cast<std::size_t>(std::ranges::size(range))) {}

  std::size_t size() const { return size_; }
  given operator[](std::size_t index) const { return static_cast<given>(first_[index]); }

 private:
  item* first_;
  std::size_t size_;
};

template <counted Range>
class counted_input {
  using number = std::ranges::range_value_t<Range>;

 public:
  explicit counted_input(Range& range)
      : first_(std::ranges::begin(range)), size_(static_cast<std::size_t>(std::ranges::size(range))) {}

  std::size_t size() const { return size_; }
  number operator[](std::size_t index) const { return first_[static_cast<std::iter_difference_t<iterator>>(index)]; }

 private:
  using iterator = std::ranges::iterator_t<Range>;

  iterator first_;
  std::size_t size_;
};

/// The indices from 0 to below `count`.
template <number Number>
class index_input {
 public:
  explicit index_input(Number count) : size_(static_cast<std::size_t>(count)) {
    if constexpr (std::is_signed_v<Number>) {
      if (count < 0) throw_negative_count(count);
    }
  }

  std::size_t size() const { return size_; }
  Number operator[](std::size_t index) const { return static_cast<Number>(index); }

 private:
  std::size_t size_;
};

/// Items that are scattered in memory. Their addresses are collected first, at a cost of one pointer for each item.
template <class Range>
class scattered_input {
  using item = std::remove_reference_t<std::ranges::range_reference_t<Range>>;
  using given = std::conditional_t<gives_items_away<Range>, item&&, item&>;

 public:
  explicit scattered_input(Range& range) {
    if constexpr (std::ranges::sized_range<Range>) items_.reserve(std::ranges::size(range));
    for (auto&& element : range) items_.push_back(std::addressof(element));
  }

  std::size_t size() const { return items_.size(); }
  given operator[](std::size_t index) const { return static_cast<given>(*items_[index]); }

 private:
  std::vector<item*> items_{};
};

/// Items of a range that can be read only once or that generates its items: they are stored here.
template <class Range>
class kept_input {
  using item = std::ranges::range_value_t<Range>;
  struct box { item value; };  // avoids std::vector<bool>, whose bits cannot be given to several threads

 public:
  explicit kept_input(Range& range) {
    if constexpr (std::ranges::sized_range<Range>) items_.reserve(std::ranges::size(range));
    for (auto&& element : range) items_.push_back(box{static_cast<item>(std::forward<decltype(element)>(element))});
  }

  std::size_t size() const { return items_.size(); }
  item&& operator[](std::size_t index) const { return std::move(items_[index].value); }

 private:
  mutable std::vector<box> items_;  // each item is moved from once, by the task to which it belongs
};

template <class Range>
auto input_from(std::remove_reference_t<Range>& range) {
  // The items of a forward range of lvalues can stay where they are. An input range may overwrite an item when it
  // advances.
  if constexpr (number<std::remove_cvref_t<Range>>) {
    return index_input<std::remove_cvref_t<Range>>(range);
  } else if constexpr (in_memory<Range>) {
    return contiguous_input<Range>(range);
  } else if constexpr (counted<Range>) {
    return counted_input<Range>(range);
  } else if constexpr (std::ranges::forward_range<Range> &&
                       std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>>) {
    return scattered_input<Range>(range);
  } else {
    return kept_input<Range>(range);
  }
}

/// An input as a small object that may be copied: the input itself if it is small, or a pointer to it.
template <class Input>
class input_view {
  static constexpr bool is_small = std::is_trivially_copyable_v<Input>;

 public:
  explicit input_view(const Input& input) : input_(point_to(input)) {}

  decltype(auto) operator[](std::size_t index) const {
    if constexpr (is_small) {
      return input_[index];
    } else {
      return (*input_)[index];
    }
  }

 private:
  static auto point_to(const Input& input) {
    if constexpr (is_small) {
      return input;
    } else {
      return &input;
    }
  }

  std::conditional_t<is_small, Input, const Input*> input_;
};

template <class Range>
using input_t = decltype(input_from<Range>(std::declval<std::remove_reference_t<Range>&>()));

/// The type that `operator[]` of this range's input returns.
template <class Range>
using item_t = decltype(std::declval<const input_t<Range>&>()[std::size_t{}]);

}  // namespace fanout::detail
