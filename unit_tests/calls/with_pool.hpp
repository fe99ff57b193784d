#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "fanout/resource_pool.hpp"
#include "fanout/task_context.hpp"
#include "support.hpp"

/// What the tests of `execute_with_pool` and `map_with_pool` share.
namespace support {

using ints = std::vector<int>;
using action = std::function<void()>;
using pool_task = std::function<void(int&, const fanout::task_context&)>;

/// What goes wrong with leases is mostly a hang.
class ExecuteWithPool : public testing::Test {
 private:
  watchdog dog_;
};

inline int zero() { return 0; }

/// Makes 1, 2, 3, …
inline auto numbered() {
  return [last = 0]() mutable { return ++last; };
}

/// A resource that knows how many use it at once.
struct desk {
  gauge users;
};
inline desk make_desk() { return {}; }

inline ints numbers(std::size_t count) {
  ints values(count);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

inline constexpr auto index_of_task = [](int&, const fanout::task_context& context) {
  return static_cast<int>(context.index());
};

template <class Condition>
[[nodiscard]] bool soon(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(50us);  // leaves the core to those who make it true
  }
  return true;
}

template <class Exception, class Call>
Exception caught(Call&& call) {
  try {
    call();
  } catch (const Exception& e) {
    return e;
  }
  throw std::runtime_error("the call did not throw");
}

template <class Cause>
std::string cause_of(const std::nested_exception& error) {
  return message_of<Cause>([&] { error.rethrow_nested(); });
}

template <class T>
std::vector<fanout::lease<T>> all_leases(fanout::resource_pool<T>& pool) {
  std::vector<fanout::lease<T>> leases;
  for (std::size_t i = 0; i != pool.size(); ++i) leases.push_back(pool.acquire());
  return leases;
}

inline std::stop_token requested() {
  std::stop_source source;
  source.request_stop();
  return source.get_token();
}

}  // namespace support
