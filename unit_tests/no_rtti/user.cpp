#include "user.hpp"

#if defined(__GXX_RTTI)
#error "this file is about programs without RTTI: compile it with -fno-rtti"
#endif

#include <chrono>
#include <exception>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <tuple>

#include <fanout/native_tbb.hpp>
#include <fanout/tuning.hpp>

namespace no_rtti {
namespace {

/// Calls `wrong` and names the first handler that takes what it throws.
template <class Error, class Wrong>
std::string caught_as(const std::string& name, Wrong wrong) {
  try {
    wrong();
  } catch (const Error& e) {
    return *e.what() != '\0' ? name : name + " without a text";
  } catch (...) {
    return name + " was caught as something else";
  }
  return name + " was not thrown";
}

std::function<void()> throws(const std::string& what) {
  return [what] { throw std::runtime_error(what); };
}

}  // namespace

int use_everything() {
  const std::vector<std::function<int()>> tasks = {[] { return 1; }, [] { return 2; }};
  fanout::executor executor({.concurrency = 2});
  fanout::resource_pool<int> pool([] { return 10; }, 2);

  int sum = 0;
  const auto add = [&](const std::vector<int>& results) {
    sum = std::accumulate(results.begin(), results.end(), sum);
  };
  add(fanout::execute_in_parallel(tasks, 2));
  add(fanout::execute_in_parallel_with_progress(tasks, 2, [](std::size_t, std::size_t) {}));
  add(fanout::map_in_parallel(std::vector{1, 2}, [](int item, const fanout::task_context&) { return item; }));
  add(executor.execute(tasks));
  add(fanout::map_with_pool(std::vector{1, 2}, pool, [](int item, int& resource) { return item + resource; }));
  const auto [answer, nothing] = fanout::invoke_in_parallel([] { return 3; }, [] {});
  sum += answer;
  fanout::native_arena(executor).execute([&] { sum += 1; });
  const auto report = fanout::tune(
      2, [](int) {}, {.sizes = {1}, .budget = std::chrono::seconds(5), .min_repetitions = 3, .max_repetitions = 3});
  return sum + static_cast<int>(report.recommended());
}

settled settle(const std::vector<std::function<int()>>& tasks) {
  settled counts;
  for (const fanout::outcome<int>& each : fanout::settle_in_parallel(tasks)) {
    (each.has_value() ? counts.values : counts.failures) += 1;
  }
  return counts;
}

std::vector<std::string> catch_each_error() {
  const std::vector<std::function<void()>> failing = {throws("one"), throws("two")};
  std::stop_source stop;
  stop.request_stop();
  fanout::resource_pool<int> pool([] { return 1; }, 1);
  const fanout::lease<int> the_only_one = pool.acquire();
  fanout::resource_pool<int> closed([] { return 1; }, 1);
  closed.close();
  return {
      caught_as<fanout::error>("error", [&] { fanout::execute_in_parallel(failing); }),
      caught_as<fanout::task_error>("task_error", [&] { fanout::execute_in_parallel(failing); }),
      caught_as<fanout::aggregate_error>(
          "aggregate_error",
          [&] { fanout::execute_in_parallel(failing, {.on_error = fanout::error_policy::run_all}); }),
      caught_as<fanout::operation_cancelled>(
          "operation_cancelled", [&] { fanout::execute_in_parallel(failing, {.stop = stop.get_token()}); }),
      caught_as<fanout::pool_timeout>("pool_timeout",
                                      [&] { static_cast<void>(pool.acquire_for(std::chrono::milliseconds(1))); }),
      caught_as<fanout::pool_closed>("pool_closed", [&] { static_cast<void>(closed.acquire()); }),
      caught_as<fanout::resource_error>("resource_error", [] { throw fanout::resource_error(8, 2); }),
      caught_as<fanout::tuning_error>("tuning_error", [] { fanout::tuning_report::from_json("{}"); }),
  };
}

std::string cause_by_rethrow_nested() {
  try {
    fanout::execute_in_parallel(std::vector{throws("disk full")});
  } catch (const fanout::task_error& e) {
    try {
      e.rethrow_nested();
    } catch (const std::runtime_error& cause) {
      return cause.what();
    }
  }
  return "";
}

std::string cause_by_rethrow_if_nested() {
  try {
    fanout::execute_in_parallel(std::vector{throws("disk full")});
  } catch (const fanout::task_error& e) {
    try {
      std::rethrow_if_nested(e);
    } catch (const std::runtime_error& cause) {
      return cause.what();
    }
  }
  return "";
}

std::vector<fanout::task_error> failures_of_a_batch() {
  try {
    fanout::execute_in_parallel(std::vector{throws("one"), throws("two")},
                                {.on_error = fanout::error_policy::run_all});
  } catch (const fanout::aggregate_error& e) {
    return e.errors();
  }
  return {};
}

void fail(const std::function<void()>& task) { fanout::execute_in_parallel(std::vector{task}); }

}  // namespace no_rtti
