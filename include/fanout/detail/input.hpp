#pragma once

#include <concepts>
#include <cstddef>
#include <deque>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/detail/batch.hpp"
#include "fanout/detail/results.hpp"

/// Inputs. An input is made from any range, or from a number of indices; it has a size, and any thread can get an
/// item by its index.
///
/// Items that cannot be reached by index are read once, on the calling thread, before anything runs. So an exception
/// of an iterator reaches the caller before any task has started, and user code in an iterator never runs on two
/// threads.
namespace fanout::detail {

/// The type that represents a bit as a reference, such as `std::vector<bool>::reference`. Only its container makes
/// objects of it.
template <class T>
concept bit_reference =
    std::same_as<T, std::vector<bool>::reference> ||
    (std::is_class_v<T> && !std::default_initializable<T> && !std::constructible_from<T, bool> &&
     requires(T& bit, const T& same, bool value) {
       bit.flip();
       bit = value;
       { same } -> std::convertible_to<bool>;
     });

/// True for a reference to a bit, and for a pair or tuple that contains one, as the references of a zip view do.
template <class T>
inline constexpr bool holds_bit_reference = bit_reference<T>;
template <class... T>
inline constexpr bool holds_bit_reference<std::tuple<T...>> = (holds_bit_reference<std::remove_cvref_t<T>> || ...);
template <class T, class U>
inline constexpr bool holds_bit_reference<std::pair<T, U>> =
    holds_bit_reference<std::remove_cvref_t<T>> || holds_bit_reference<std::remove_cvref_t<U>>;

/// Bits that can be visited twice: to read them, and to write them.
template <class Range>
concept range_of_bits =
    std::ranges::forward_range<Range> && bit_reference<std::remove_cvref_t<std::ranges::range_reference_t<Range>>>;

/// Items that stay where they are. The references of a forward range remain valid when its iterator advances.
template <class Range>
concept items_in_place =
    std::ranges::forward_range<Range> && std::is_reference_v<std::ranges::range_reference_t<Range>>;

/// True if a mapper may expect to write into the range and cannot: a range that can be read only once may overwrite
/// an item, or what a reference that is an object refers to, when it advances. So each task gets an item of its own.
template <class Range>
concept gives_stand_ins =
    std::ranges::input_range<Range> && !std::ranges::forward_range<Range> &&
    (std::is_reference_v<std::ranges::range_reference_t<Range>>
         ? std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>> &&
               !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<Range>>>
         : !std::same_as<std::remove_cv_t<std::ranges::range_reference_t<Range>>, std::ranges::range_value_t<Range>>);

/// What is stored of each item of a range whose items do not stay where they are: the reference of a forward range,
/// if it is an object, or else the value. (In libc++, references of a constant `std::vector<bool>` are objects.)
template <class Range>
struct kept_item {
  using type = std::ranges::range_value_t<Range>;
};
template <std::ranges::forward_range Range>
  requires(!std::same_as<std::ranges::range_reference_t<Range>, std::vector<bool>::const_reference>)
struct kept_item<Range> {
  using type = std::remove_cv_t<std::ranges::range_reference_t<Range>>;
};
template <class Range>
using kept_item_t = typename kept_item<Range>::type;

// Constants for the reason given in accept.hpp. The last two are true for what is no range.
template <class Range>
inline constexpr bool is_range = std::ranges::input_range<Range>;
template <class Range>
inline constexpr bool is_finite = true;
template <std::ranges::range Range>
inline constexpr bool is_finite<Range> =
    !std::same_as<std::ranges::sentinel_t<Range>, std::unreachable_sentinel_t>;
template <class Range>
inline constexpr bool can_be_read = true;
template <std::ranges::input_range Range>
inline constexpr bool can_be_read<Range> =
    items_in_place<Range> || range_of_bits<Range> ||
    (std::constructible_from<kept_item_t<Range>, std::ranges::range_reference_t<Range>> &&
     std::move_constructible<kept_item_t<Range>>);

/// Any finite input range, as a forwarding reference.
template <class Range>
concept input_of_batch =
    is_range<Range> &&    // the input must be a range
    is_finite<Range> &&   // the input must have an end
    can_be_read<Range>;   // items that a range makes must be movable

/// True if tasks may move the items of the range, that is, for an rvalue that owns them. A range owns its items if
/// constness of the range makes them const. A pair of pointers does not own its items: they stay non-const even if
/// the pair is const. The row of a matrix passes constness on as containers do, but it destroys nothing.
template <class Range>
inline constexpr bool gives_items_away = false;
template <class Range>
  requires(!std::is_lvalue_reference_v<Range> && !std::ranges::view<Range> && !std::ranges::borrowed_range<Range> &&
           std::ranges::range<const Range>)
inline constexpr bool gives_items_away<Range> =
    std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<const Range>>> &&
    (!std::is_trivially_destructible_v<Range> || std::is_trivially_destructible_v<std::ranges::range_value_t<Range>>);

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

/// True if the item lies within the iterator that refers to it.
template <class Iterator, class Item>
bool is_part_of(const Iterator& place, const Item& element) {
  const auto* const begin = reinterpret_cast<const volatile char*>(std::addressof(place));
  const auto* const at = reinterpret_cast<const volatile char*>(std::addressof(element));
  constexpr std::less<> before;
  return !before(at, begin) && before(at, begin + sizeof place);
}

/// Items that are scattered in memory. Their addresses are collected first, at a cost of one pointer for each item.
///
/// Some iterators that call themselves forward iterators refer to an item within themselves, such as those of
/// `std::regex` in libstdc++ 12 and of many tokenizers and parsers. Such an item is copied, because it ends with its
/// iterator.
template <class Range>
class scattered_input {
  using item = std::remove_reference_t<std::ranges::range_reference_t<Range>>;
  using given = std::conditional_t<gives_items_away<Range>, item&&, std::ranges::range_reference_t<Range>>;
  using copy = std::remove_cv_t<item>;

 public:
  explicit scattered_input(Range& range) {
    if constexpr (std::ranges::sized_range<Range>) items_.reserve(std::ranges::size(range));
    auto place = std::ranges::begin(range);
    const auto last = std::ranges::end(range);
    for (; place != last; ++place) {
      auto&& element = *place;
      items_.push_back(detail::is_part_of(place, element) ? kept(element) : std::addressof(element));
    }
  }

  std::size_t size() const { return items_.size(); }
  given operator[](std::size_t index) const { return static_cast<given>(*items_[index]); }

 private:
  item* kept(item& element) {
    if constexpr (std::constructible_from<copy, item&>) {
      return std::addressof(copies_.emplace_back(element));
    } else {
      throw_item_in_iterator();
    }
  }

  struct nothing {};

  std::vector<item*> items_{};
  std::conditional_t<std::constructible_from<copy, item&>, std::list<copy>, nothing> copies_{};
};

/// Bits, each kept as a `bool` of its own while the tasks run. Threads must not write bits of one word at the same
/// time, and a mapper could not tell which bits share a word.
template <range_of_bits Range>
class bits_input {
  struct kept {
    bool value;
    bool before;
  };

 public:
  explicit bits_input(Range& range) : range_(range) {
    if constexpr (std::ranges::sized_range<Range>) bits_.reserve(std::ranges::size(range));
    auto place = std::ranges::begin(range);
    const auto last = std::ranges::end(range);
    for (; place != last; ++place) {
      const bool value = static_cast<bool>(*place);
      bits_.push_back({value, value});
    }
  }

  std::size_t size() const { return bits_.size(); }
  bool& operator[](std::size_t index) const { return bits_[index].value; }

  /// Writes the bits that tasks have changed to the range. Requires that no task runs.
  void write_back() const {
    auto place = std::ranges::begin(range_);
    for (const kept& each : bits_) {
      if (each.value != each.before) {
        auto bit = *place;
        bit = each.value;
      }
      ++place;
    }
  }

 private:
  Range& range_;
  mutable std::vector<kept> bits_{};  // each bit is accessed by the task to which it belongs
};

/// Items of a range that can be read only once or that generates its items, and references that are objects: they are
/// stored here, and constructed where they stay.
template <class Range>
class kept_input {
  using item = kept_item_t<Range>;
  using box = made_by<item>;

 public:
  explicit kept_input(Range& range) {
    if constexpr (std::ranges::sized_range<Range>) items_.reserve(std::ranges::size(range));
    auto each = std::ranges::begin(range);
    const auto last = std::ranges::end(range);
    for (; each != last; ++each) {
      auto read = [&each]() -> item { return static_cast<item>(*each); };
      items_.emplace_back(std::in_place, read);
    }
  }

  std::size_t size() const { return items_.size(); }
  item&& operator[](std::size_t index) const { return std::move(items_[index].value); }

 private:
  // A deque moves no item while it grows. A vector is faster where it need not grow, or where moves cost nothing.
  static constexpr bool in_vector = std::ranges::sized_range<Range> || std::is_trivially_copyable_v<item>;
  using boxes = std::conditional_t<in_vector, std::vector<box>, std::deque<box>>;

  mutable boxes items_{};  // each item is moved from once, by the task to which it belongs
};

template <class Range>
auto input_from(std::remove_reference_t<Range>& range) {
  if constexpr (number<std::remove_cvref_t<Range>>) {
    return index_input<std::remove_cvref_t<Range>>(range);
  } else if constexpr (range_of_bits<Range>) {
    return bits_input<std::remove_reference_t<Range>>(range);
  } else if constexpr (in_memory<Range>) {
    return contiguous_input<Range>(range);
  } else if constexpr (counted<Range>) {
    return counted_input<Range>(range);
  } else if constexpr (items_in_place<Range>) {
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
      return std::addressof(input);
    }
  }

  std::conditional_t<is_small, Input, const Input*> input_;
};

template <class Range>
using input_t = decltype(input_from<Range>(std::declval<std::remove_reference_t<Range>&>()));

/// The type that `operator[]` of an input returns.
template <class Input>
using item_of = decltype(std::declval<const Input&>()[std::size_t{}]);

/// The same for the input of a range.
template <class Range>
using item_t = item_of<input_t<Range>>;

}  // namespace fanout::detail
