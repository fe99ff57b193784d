#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <tuple>
#include <utility>
#include <vector>

/// Ranges written by hand whose references are objects, or that can be read only once.
namespace support {

/// A reference to a number, as an object.
class proxy {
 public:
  explicit proxy(int& number) : number_(&number) {}
  operator int() const { return *number_; }  // NOLINT: implicit, as those of the standard library are
  const proxy& operator=(int value) const {
    *number_ = value;
    return *this;
  }

 private:
  int* number_;
};

/// An iterator over the indices of something, whose `at(index)` is its reference.
template <class Source, class Value>
class indexed_iterator {
 public:
  using value_type = Value;
  using difference_type = std::ptrdiff_t;

  indexed_iterator() = default;
  indexed_iterator(const Source& source, std::size_t at) : source_(&source), at_(at) {}

  decltype(auto) operator*() const { return source_->at(at_); }
  indexed_iterator& operator++() { return ++at_, *this; }
  indexed_iterator operator++(int) { return {*source_, at_++}; }
  friend bool operator==(const indexed_iterator& one, const indexed_iterator& other) { return one.at_ == other.at_; }

 private:
  const Source* source_ = nullptr;
  std::size_t at_ = 0;
};

/// Numbers that are seen through proxies.
class seen_through_proxies {
 public:
  explicit seen_through_proxies(std::vector<int>& numbers) : numbers_(&numbers) {}
  proxy at(std::size_t index) const { return proxy((*numbers_)[index]); }

  using iterator = indexed_iterator<seen_through_proxies, int>;
  iterator begin() const { return {*this, 0}; }
  iterator end() const { return {*this, numbers_->size()}; }

 private:
  std::vector<int>* numbers_;
};
static_assert(std::ranges::forward_range<seen_through_proxies>);

/// Two vectors side by side, as `std::views::zip` of C++23 shows them: its value type has no references.
template <class Left, class Right>
class zipped {
 public:
  zipped(std::vector<Left>& left, std::vector<Right>& right) : left_(&left), right_(&right) {}
  auto at(std::size_t index) const {
    return std::tuple<typename std::vector<Left>::reference, typename std::vector<Right>::reference>(
        (*left_)[index], (*right_)[index]);
  }

  using iterator = indexed_iterator<zipped, std::tuple<Left, Right>>;
  iterator begin() const { return {*this, 0}; }
  iterator end() const { return {*this, left_->size()}; }

 private:
  std::vector<Left>* left_;
  std::vector<Right>* right_;
};

/// The items of a range, which can be read only once.
template <class Range>
class read_once {
  using base = decltype(std::declval<Range&>().begin());

 public:
  explicit read_once(Range&& range) : range_(std::forward<Range>(range)) {}

  class iterator {
   public:
    using value_type = std::iter_value_t<base>;
    using difference_type = std::ptrdiff_t;
    explicit iterator(base at, base end) : at_(at), end_(end) {}
    decltype(auto) operator*() const { return *at_; }
    iterator& operator++() { return ++at_, *this; }
    iterator operator++(int) { return iterator(at_++, end_); }
    friend bool operator==(const iterator& one, std::default_sentinel_t) { return one.at_ == one.end_; }

   private:
    base at_;
    base end_;
  };

  iterator begin() { return iterator(range_.begin(), range_.end()); }
  static std::default_sentinel_t end() { return {}; }

 private:
  Range range_;
};
template <class Range>
read_once(Range&&) -> read_once<Range>;
static_assert(std::ranges::input_range<read_once<std::vector<int>&>> &&
              !std::ranges::forward_range<read_once<std::vector<int>&>>);

}  // namespace support
