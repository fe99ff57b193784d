#include "../calls/proxies.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <fanout/fanout.hpp>
#include <fanout/native_tbb.hpp>
#include <fanout/tuning.hpp>
#include <fanout/tuning_comparison.hpp>

using namespace std::chrono_literals;

// Never runs. The types of the results choose between the ways in which results are kept.
std::size_t one_call_of_everything() {
  std::vector<std::function<int()>> numbers;
  std::list<std::function<std::string(const fanout::task_context&)>> texts;
  std::vector<std::function<void()>> actions;
  const auto answer = [] { return true; };
  const auto pointer_to = [](int& number) { return std::make_unique<int>(number); };
  const auto answer_to = [](int number) { return number == 42; };
  std::vector<int> items{1, 2, 3};
  std::vector<std::string> words(3);

  fanout::executor executor({.concurrency = 2});
  std::size_t count = fanout::execute_in_parallel(numbers).size() + fanout::execute_in_parallel(texts, 2).size();
  fanout::execute_in_parallel_with_progress(actions, 2, [](std::size_t, std::size_t) {});
  count += fanout::execute_in_parallel(std::vector{answer, answer}).size();
  count += fanout::map_in_parallel(items, pointer_to).size() + fanout::settle_in_parallel(texts).size();
  count += fanout::settle_in_parallel(actions).size();
  count += fanout::map_in_parallel(items, pointer_to, 2).size() + fanout::settle_in_parallel(texts, 2).size();
  std::vector<bool> flags(items.size());
  count += fanout::map_in_parallel(flags, [](bool& flag) { return flag = !flag; }).size();
  count += fanout::map_in_parallel(support::read_once(words), [](const std::string& word) { return word.size(); }).size();
  std::vector<long> sums(items.size());
  fanout::map_in_parallel_into(sums, items, [](int number) { return number; });
  executor.map_into(sums, 3, [](int number, const fanout::task_context& context) {
    return static_cast<long>(context.runner()) + number;
  });
  fanout::for_each_range(3, [](int, int) {});
  executor.for_each_range(count, [](std::size_t, std::size_t, const fanout::task_context&) {}, 2);
  count += fanout::settle_map(items, pointer_to).size() + executor.settle_map(3, answer_to).size();
  count += fanout::current_runner().value_or(0);
  count += static_cast<std::size_t>(std::get<0>(fanout::invoke_in_parallel([] { return 1; }, [] {})));
  count += static_cast<std::size_t>(std::get<0>(executor.invoke({.concurrency = 2}, [] { return 1; }, [] {})));
  count += executor.execute(numbers).size() + executor.map(items, pointer_to).size() + executor.settle(texts).size();
  count += fanout::submit(numbers).get().size() + executor.submit_map(3, answer_to).get().size();
  for (const bool each : fanout::stream_in_parallel(items, answer_to, 2)) count += each ? 1U : 0U;
  for (const auto& each : executor.stream(items, pointer_to)) count += static_cast<std::size_t>(*each);
  fanout::task_scope scope(executor);
  scope.add([&scope] { scope.add([](const fanout::task_context&) {}); });
  scope.join();
  count += fanout::first_in_parallel(numbers).index;
  const fanout::resource_budget budget(2);
  executor.map(3, answer_to, {.admit = {budget.by([](std::size_t index) { return index; }), fanout::rate_limit(1, 1ms)},
                              .retry = {.again = 1}});
  count += fanout::compare(3, answer_to).rows().size();
  count += fanout::tune(3, [](int number) { return number; }).recommended();
  count += fanout::tune([](fanout::executor& on) { on.map(std::vector{1, 2}, [](int) {}); }).recommended();
  return count + static_cast<std::size_t>(fanout::native_arena(executor).max_concurrency());
}
