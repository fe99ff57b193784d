#pragma once

#include <array>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <utility>

#include "observer.hpp"
#include "plan.hpp"

/// The values that tasks of the stress test return and throw. Each knows the task that it is from, and is counted.
namespace stress {

/// A result that can only be moved, and has no default constructor.
class tracked {
 public:
  tracked(observer& counted_by, std::size_t index) : counted_by_(&counted_by), index_(index) { change(+1); }
  tracked(tracked&& other) noexcept : counted_by_(other.counted_by_), index_(other.index_) { change(+1); }
  tracked& operator=(tracked&&) = delete;
  ~tracked() { change(-1); }

  std::size_t index() const { return index_; }

 protected:
  tracked() noexcept = default;

 private:
  void change(long by) {
    if (counted_by_ != nullptr) counted_by_->results_alive += by;
  }

  observer* const counted_by_ = nullptr;
  const std::size_t index_ = static_cast<std::size_t>(-1);
};

/// The same with a default constructor, and large. A default object is counted only once it has become a result.
class tracked_default : public tracked {
 public:
  using tracked::tracked;
  tracked_default() noexcept = default;

 private:
  [[maybe_unused]] std::array<char, 112> rest_{};
};

inline bool flag_of(std::size_t index) { return index % 3 == 0; }

template <class T>
T result_of([[maybe_unused]] observer& counted_by, [[maybe_unused]] std::size_t index) {
  if constexpr (std::is_same_v<T, bool>) {
    return flag_of(index);
  } else if constexpr (std::is_same_v<T, long>) {
    return static_cast<long>(index);
  } else if constexpr (!std::is_void_v<T>) {
    return T(counted_by, index);
  }
}

/// The index of the task that a result found at `place` is from. A `bool` only tells whether it may belong there.
template <class T>
std::size_t index_of(const T& result, std::size_t place) {
  if constexpr (std::is_same_v<T, bool>) {
    return result == flag_of(place) ? place : place + 1;
  } else if constexpr (std::is_same_v<T, long>) {
    return static_cast<std::size_t>(result);
  } else {
    return result.index();
  }
}

/// The exception that tasks throw, sometimes without a text. (Sometimes they throw a number instead.)
class planted_failure : public std::runtime_error {
 public:
  planted_failure(observer& counted_by, std::size_t index)
      : std::runtime_error("planted"), counted_by_(counted_by), index_(index) {
    ++counted_by_.failures_alive;
  }
  planted_failure(const planted_failure& other) noexcept
      : std::runtime_error(other), counted_by_(other.counted_by_), index_(other.index_) {
    ++counted_by_.failures_alive;
  }
  planted_failure& operator=(const planted_failure&) = delete;
  ~planted_failure() override { --counted_by_.failures_alive; }

  const char* what() const noexcept override { return index_ % 5 == 0 ? nullptr : std::runtime_error::what(); }
  std::size_t index() const { return index_; }

 private:
  observer& counted_by_;
  const std::size_t index_;
};

/// The exception that the progress callback throws.
struct callback_failure {};

/// The index of the task that threw `cause`.
inline std::size_t index_of_cause(const std::exception_ptr& cause) {
  try {
    std::rethrow_exception(cause);
  } catch (const planted_failure& failure) {
    return failure.index();
  } catch (const std::size_t index) {
    return index;
  } catch (...) {
    return static_cast<std::size_t>(-1);
  }
}

}  // namespace stress
