#pragma once

#include <array>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "fanout/error.hpp"
#include "observer.hpp"
#include "plan.hpp"
#include "record.hpp"

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
  planted_failure(observer& counted_by, std::size_t index, unsigned attempt)
      : std::runtime_error("planted"), counted_by_(counted_by), index_(index), attempt_(attempt) {
    ++counted_by_.failures_alive;
  }
  planted_failure(const planted_failure& other) noexcept
      : std::runtime_error(other), counted_by_(other.counted_by_), index_(other.index_), attempt_(other.attempt_) {
    ++counted_by_.failures_alive;
  }
  planted_failure& operator=(const planted_failure&) = delete;
  ~planted_failure() override { --counted_by_.failures_alive; }

  const char* what() const noexcept override { return index_ % 5 == 0 ? nullptr : std::runtime_error::what(); }
  std::size_t index() const { return index_; }
  unsigned attempt() const { return attempt_; }

 private:
  observer& counted_by_;
  const std::size_t index_;
  const unsigned attempt_;
};

/// The number that tasks throw.
struct planted_number {
  std::size_t index;
  unsigned attempt;
};

/// The exception that the progress callback throws.
struct callback_failure {};

/// The exception that a rule of the user throws, or `retry_policy::when`.
struct rule_failure {};

inline std::string why_refused(std::size_t index) { return "planted at " + std::to_string(index); }

/// What an exception says of the task that has failed with it.
inline told_failure told_by(const std::exception_ptr& cause) {
  told_failure told;
  try {
    std::rethrow_exception(cause);
  } catch (const planted_failure& failure) {
    told.cause = failure.index();
    told.cause_attempt = failure.attempt();
  } catch (const planted_number& failure) {
    told.cause = failure.index;
    told.cause_attempt = failure.attempt;
  } catch (const fanout::task_refused& refused) {
    const std::string text = refused.what();
    told.cause = std::stoull(text.substr(text.rfind(' ')));
    told.refused = true;
  } catch (const fanout::task_timed_out& late) {
    told.cause = static_cast<std::size_t>(-1);
    const auto* const nested = dynamic_cast<const std::nested_exception*>(&late);
    if (nested != nullptr && nested->nested_ptr() != nullptr) told = told_by(nested->nested_ptr());
    told.timed_out = true;
  } catch (...) {
    told.cause = static_cast<std::size_t>(-1);
  }
  return told;
}

}  // namespace stress
