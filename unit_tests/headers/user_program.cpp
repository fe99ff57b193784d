// A user's program with a call of each kind, for compilers and standard libraries other than those of this build.
// Macros of libraries that a program may include first: Qt's keywords, and the imaginary unit of <complex.h>.
#define slots
#define signals public
#define emit
#define foreach(variable, container) for (variable : container)
#define I _Complex_I

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <list>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include <fanout/fanout.hpp>

namespace {

bool all_passed = true;

void check(bool passed, const char* what) {
  if (!passed) std::fprintf(stderr, "failed: %s\n", what);
  all_passed = all_passed && passed;
}

void nothing() {}

void results(std::size_t concurrency) {
  std::vector<std::function<std::string()>> tasks;
  for (int i = 0; i < 1000; ++i) tasks.push_back([i] { return std::to_string(i); });
  const std::vector<std::string> texts = fanout::execute_in_parallel(tasks, concurrency);
  check(texts.size() == 1000 && texts.front() == "0" && texts.back() == "999", "results in input order");

  std::size_t last = 0;
  const auto progress = [&last](std::size_t done, std::size_t) { last = done; };
  fanout::execute_in_parallel_with_progress(tasks, concurrency, progress);
  check(last == 1000, "progress up to the end");

  std::list<int> scattered{1, 2, 3};
  check(fanout::map_in_parallel(scattered, [](int number) { return number > 1; }, concurrency) ==
            std::vector{false, true, true},
        "a list as input");
  check(fanout::invoke_in_parallel([] { return 1; }, [] { return std::string("two"); }) == std::tuple(1, "two"),
        "invoke_in_parallel");
}

void errors(std::size_t concurrency) {
  const std::vector<std::size_t> items{0, 1, 2};
  const auto fails_at_one = [](std::size_t item) {
    if (item == 1) throw std::runtime_error("one");
    return item;
  };
  std::string message;
  std::size_t index = 0;
  try {
    fanout::map_in_parallel(items, fails_at_one, concurrency);
  } catch (const fanout::task_error& error) {
    index = error.index();
    try {
      std::rethrow_if_nested(error);
    } catch (const std::runtime_error& cause) {
      message = cause.what();
    }
  }
  check(index == 1 && message == "one", "task_error with its cause");

  const std::vector<std::function<int()>> tasks{[] { return 1; }, []() -> int { throw std::runtime_error("two"); }};
  const auto outcomes = fanout::settle_in_parallel(tasks, concurrency);
  check(outcomes[0].value() == 1 && outcomes[1].error() != nullptr, "outcomes");

  std::stop_source source;
  bool stopped = false;
  try {
    fanout::map_in_parallel(
        std::vector<int>(1000), [&source](int&) { source.request_stop(); },
        {.concurrency = concurrency, .stop = source.get_token()});
  } catch (const fanout::operation_cancelled&) {
    stopped = true;
  }
  check(stopped, "operation_cancelled");
}

void executors_and_pools() {
  fanout::executor executor({.concurrency = 3});
  const std::vector<int> items{1, 2, 3, 4};
  const auto outer = [&](int item) { return executor.map(items, [item](int inner) { return item * inner; }).back(); };
  check(executor.map(items, outer) == std::vector{4, 8, 12, 16}, "an executor, nested");

  fanout::resource_pool<std::string> pool([] { return std::string("resource"); }, 2);
  const auto size_of = [](int, const std::string& resource) { return resource.size(); };
  check(fanout::map_with_pool(items, pool, size_of) == std::vector<std::size_t>(4, 8), "a pool");

  std::string text;
  fanout::task_scope scope(executor, {.concurrency = 1, .max_pending = 10});
  scope.add([&text] { text += "one"; });
  const std::string more = " two";
  scope.add(nothing);  // g++ must not warn that it is never null
  scope.add([&text, more](const fanout::task_context& context) { text += more.substr(context.index() - 2); });
  check(scope.try_add([&text] { text += " three"; }), "room in a scope");
  scope.join();
  check(text == "one two three" && scope.progress().completed == 4, "a scope");
}

}  // namespace

int main() {
  for (const std::size_t concurrency : {fanout::automatic, std::size_t{1}, std::size_t{3}}) {
    results(concurrency);
    errors(concurrency);
  }
  executors_and_pools();
  return all_passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
