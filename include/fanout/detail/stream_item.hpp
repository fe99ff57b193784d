#pragma once

#include <memory>
#include <new>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

#include "fanout/detail/accept.hpp"
#include "fanout/detail/call.hpp"
#include "fanout/detail/input.hpp"

/// The items of a stream, between the moment when they are read from the source and the end of their mapping.
namespace fanout::detail {

/// A place for an item that the source makes, or that is gone when the source advances.
template <class Range>
class stream_item {
  // A reference to a bit would be read by another thread than the bits beside it.
  using item = std::conditional_t<range_of_bits<Range>, std::ranges::range_value_t<Range>, kept_item_t<Range>>;

 public:
  stream_item() noexcept {}  // NOLINT(modernize-use-equals-default): not possible
  stream_item(const stream_item&) = delete;
  stream_item& operator=(const stream_item&) = delete;
  ~stream_item() {}  // NOLINT(modernize-use-equals-default): not possible

  void read(const std::ranges::iterator_t<Range>& from) {
    ::new (static_cast<void*>(std::addressof(value_))) item(static_cast<item>(*from));
  }
  item&& give() noexcept { return std::move(value_); }
  void destroy() noexcept { std::destroy_at(std::addressof(value_)); }

 private:
  union {
    item value_;
  };
};

/// For items that stay where they are: a pointer. An item that is part of its iterator is copied: see
/// `scattered_input`.
template <class Range>
  requires(items_in_place<Range> && !range_of_bits<Range>)
class stream_item<Range> {
  using item = std::remove_reference_t<std::ranges::range_reference_t<Range>>;
  using copy = std::remove_cv_t<item>;
  using given = std::conditional_t<gives_items_away<Range>, item&&, std::ranges::range_reference_t<Range>>;
  static constexpr bool may_be_part =
      !std::ranges::random_access_range<Range> && std::constructible_from<copy, item&>;
  struct nothing {
    void reset() noexcept {}
  };

 public:
  void read(const std::ranges::iterator_t<Range>& from) {
    auto&& element = *from;
    item_ = std::addressof(element);
    if (!detail::is_part_of(from, element)) return;
    if constexpr (may_be_part) {
      item_ = std::addressof(copy_.emplace(element));
    } else {
      throw_item_in_iterator();
    }
  }
  given give() const noexcept { return static_cast<given>(*item_); }
  void destroy() noexcept { copy_.reset(); }

 private:
  item* item_ = nullptr;
  std::conditional_t<may_be_part, std::optional<copy>, nothing> copy_{};
};

/// How an item is given to the mapper.
template <class Range>
using stream_item_t = decltype(std::declval<stream_item<Range>&>().give());

/// How a stream holds its source: an lvalue is referred to, an rvalue or a view is owned.
template <class Range>
using held_range_t =
    std::conditional_t<std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>>, Range,
                       std::remove_cvref_t<Range>>;

/// The source of a stream. `Range` is a `held_range_t`.
template <class Range>
class stream_source {
  static constexpr bool refers = std::is_lvalue_reference_v<Range>;
  using iterator = std::ranges::iterator_t<Range>;
  using sentinel = std::ranges::sentinel_t<Range>;

 public:
  template <class From>
  explicit stream_source(std::in_place_t, From&& from) : range_(hold(std::forward<From>(from))) {}
  stream_source(const stream_source&) = delete;
  stream_source& operator=(const stream_source&) = delete;

  /// Moves on to the next item, to the first one at the first call. False at the end. Nothing is read beyond that:
  /// some iterators read when they are advanced.
  bool next() {
    if (!at_) {
      at_.emplace(std::ranges::begin(whole()));
      last_.emplace(std::ranges::end(whole()));
    } else {
      ++*at_;
    }
    return *at_ != *last_;
  }
  const iterator& at() const { return *at_; }

 private:
  template <class From>
  static decltype(auto) hold(From&& from) {
    if constexpr (refers) {
      return std::addressof(from);
    } else {
      return std::forward<From>(from);
    }
  }
  std::remove_reference_t<Range>& whole() {
    if constexpr (refers) {
      return *range_;
    } else {
      return range_;
    }
  }

  std::conditional_t<refers, std::add_pointer_t<Range>, Range> range_;
  std::optional<iterator> at_{};
  std::optional<sentinel> last_{};
};

// Constants for the reason given in accept.hpp.
template <class Range>
inline constexpr bool can_be_held = std::is_lvalue_reference_v<Range>
                                        ? !std::ranges::view<std::remove_cvref_t<Range>> ||
                                              std::copy_constructible<std::remove_cvref_t<Range>>
                                        : std::constructible_from<std::remove_cvref_t<Range>, Range>;
template <class F, class Range>
inline constexpr bool takes_stream_items =
    (!gives_stand_ins<Range> && !range_of_bits<Range>) || callable_in_batch<F&, stream_item_t<Range>> ||
    !mapper_of<F, stream_item_t<Range>>;
template <class Range>
inline constexpr bool holds_no_bits = !holds_bit_reference<std::remove_cvref_t<stream_item_t<Range>>>;
template <class Result>
inline constexpr bool is_something = !std::is_void_v<Result>;

/// The source of a stream, as a forwarding reference. It need not end.
template <class Range>
concept stream_input =
    is_range<held_range_t<Range>> &&  // the source must be a range
    can_be_held<Range> &&             // the stream owns an rvalue, which must be movable, and a view
    can_be_read<held_range_t<Range>>;  // items that a range makes must be movable

template <class Result>
concept result_of_stream =
    is_something<Result> &&  // the mapper of a stream must return something for its reader
    is_object<Result> &&     // a task or mapper must return an object or void, not a reference
    is_destroyed_quietly<Result>;  // the destructor of a result must not throw

template <class F, class Range>
concept mapper_of_held =
    holds_no_bits<Range> &&  // items must not contain references to bits, which share memory: use std::as_const
    takes_stream_items<F, Range> &&  // an item that can be read only once must be taken by value, const& or &&
    is_mapper<F, stream_item_t<Range>> &&  // a mapper must be callable as R(item) or R(item, const task_context&)
    result_of_stream<mapper_result<F, stream_item_t<Range>>>;

template <class F, class Range>
concept stream_mapper =
    function_can_be_kept<F> &&  // the stream owns its mapper: it copies an lvalue and moves an rvalue
    mapper_of_held<std::decay_t<F>, held_range_t<Range>>;

/// What a stream gives to its reader.
template <class F, class Range>
using stream_result = std::remove_cv_t<mapper_result<std::decay_t<F>, stream_item_t<held_range_t<Range>>>>;

}  // namespace fanout::detail
