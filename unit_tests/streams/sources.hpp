#pragma once

#include <coroutine>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support.hpp"

/// Sources and waits for the tests of streams.
namespace support {

/// Waits until `condition()` is true. False if that did not happen in time.
template <class Condition>
[[nodiscard]] bool eventually(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline constexpr auto itself = [](int i) { return i; };

template <class Stream>
int sum_of(Stream&& from) {
  int sum = 0;
  for (const int each : from) sum += each;
  return sum;
}

/// A coroutine that yields values: what C++23 calls `std::generator`.
template <class T>
class generator {
 public:
  struct promise_type {
    std::optional<T> value{};
    std::exception_ptr failure{};
    generator get_return_object() { return generator(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    std::suspend_always yield_value(T given) {
      value.emplace(std::move(given));
      return {};
    }
    void return_void() const noexcept {}
    void unhandled_exception() { throw; }
  };

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    explicit iterator(std::coroutine_handle<promise_type> of) : of_(of) {}
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;
    T&& operator*() const { return std::move(*of_.promise().value); }
    iterator& operator++() {
      of_.resume();
      return *this;
    }
    void operator++(int) { of_.resume(); }
    friend bool operator==(const iterator& one, std::default_sentinel_t) { return one.of_.done(); }

   private:
    std::coroutine_handle<promise_type> of_;
  };

  generator(generator&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  generator& operator=(generator&&) = delete;
  ~generator() {
    if (handle_) handle_.destroy();
  }
  iterator begin() {
    handle_.resume();
    return iterator(handle_);
  }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  explicit generator(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

/// A single-pass range of the numbers from 0 to below `count`, which counts its reads, and throws instead of giving
/// number `throws_at`. Fails the test if two threads read it at once.
class watched_source {
 public:
  explicit watched_source(int count, int throws_at = -1) : count_(count), throws_at_(throws_at) {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    explicit iterator(watched_source& of) : of_(&of) {}
    int operator*() const { return of_->next_ - 1; }
    iterator& operator++() {
      of_->read();
      return *this;
    }
    void operator++(int) { of_->read(); }
    friend bool operator==(const iterator& one, std::default_sentinel_t) { return one.is_over(); }

   private:
    bool is_over() const { return of_->is_over(); }

    watched_source* of_;
  };

  iterator begin() {
    read();
    return iterator(*this);
  }
  std::default_sentinel_t end() const noexcept { return {}; }

  int reads() const { return reads_; }
  bool was_read_by_two_at_once() const { return by_two_; }

 private:
  friend iterator;

  bool is_over() const { return next_ > count_; }

  void read() {
    if (++inside_ != 1) by_two_ = true;
    ++reads_;
    if (next_++ == throws_at_) {
      --inside_;
      throw std::out_of_range("the source");
    }
    --inside_;
  }

  const int count_;
  const int throws_at_;
  int next_ = 0;
  std::atomic<int> reads_{0};
  std::atomic<int> inside_{0};
  std::atomic<bool> by_two_{false};
};

}  // namespace support
