#include "faults/out_of_memory_operations.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <ranges>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace support {

using fanout::error_policy;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::run_options;
using fanout::task_context;

std::vector<operation> batches() {
  static const std::vector<text_task> tasks = text_tasks(12);
  static const auto failing = tasks_that_fail(12);
  static const std::vector<int> items = {1, 2, 3, 4, 5, 6, 7, 8};
  static std::stop_source never;

  return {
      {"Void",
       [] {
         std::atomic<int> ran = 0;
         shared().execute(std::vector(10, [&] { ++ran; }));
         expect(ran == 10);
       }},
      {"Values", [] { expect(shared().execute(std::vector(10, [] { return 7; })) == std::vector(10, 7)); }},
      {"Flags", [] { expect(shared().execute(std::vector(70, [] { return true; })) == std::vector(70, true)); }},
      {"Strings", [] { expect_texts(shared().execute(tasks), tasks.size()); }},
      {"ResultsWithoutADefault",
       [] {
         const auto made = shared().execute(
             std::vector(12, [](const task_context& context) { return text_of_task(context.index()); }));
         for (std::size_t i = 0; i != 12; ++i) expect(made[i].text == long_text(i));
       }},
      {"FreeNamed", [] { expect_texts(execute_in_parallel(tasks, limit), tasks.size()); }},
      {"FreeAutomatic", [] { expect_texts(execute_in_parallel(tasks), tasks.size()); }},
      {"Alone", [] { expect_texts(execute_in_parallel(tasks, 1), tasks.size()); }},
      {"ManyRunners", [] { expect_texts(execute_in_parallel(tasks, 7), tasks.size()); }},
      {"Map",
       [] {
         const auto texts = shared().map(items, [](int item) { return long_text(static_cast<std::size_t>(item)); });
         expect(texts.size() == items.size() && texts.back() == long_text(8));
       }},
      {"MapOfAList",
       [] {
         std::list<std::string> list;
         for (const int item : items) list.push_back(long_text(static_cast<std::size_t>(item)));
         const auto sizes = fanout::map_in_parallel(std::move(list), [](std::string each) { return each.size(); },
                                                    {.concurrency = 2});
         expect(sizes == std::vector<std::size_t>(items.size(), 51));
       }},
      {"MapOfWhatIsMadeOnTheFly",
       [] {
         auto range =
             items | std::views::transform([](int item) { return long_text(static_cast<std::size_t>(item)); });
         const auto texts = fanout::map_in_parallel(range, [](std::string each) { return each; }, {.concurrency = 2});
         expect(texts.size() == items.size() && texts.front() == long_text(1));
       }},
      {"Progress",
       [] {
         std::vector<std::string> told;
         run_options options{.concurrency = 2};
         options.on_progress = [&](std::size_t completed, std::size_t) { told.push_back(long_text(completed)); };
         expect_texts(shared().execute(tasks, options), tasks.size());
         expect(told.back() == long_text(tasks.size()));
       }},
      {"StopTokens",
       [] {
         const std::vector asking(8,
                                  [](const task_context& context) { return context.stop_token().stop_possible(); });
         expect(shared().execute(asking, {.stop = never.get_token()}) == std::vector(8, true));
       }},
      {"AStop",
       [] {
         std::stop_source source;
         try {
           shared().map(items, [&](int) { source.request_stop(); }, {.stop = source.get_token()});
         } catch (const fanout::operation_cancelled& e) {
           expect(e.total() == items.size() && e.errors().empty());
           return;
         }
         throw wrong_result();
       }},
      {"AFailureAndAStop",
       [] {
         std::stop_source source;
         const auto stop_and_fail = [&](int) {
           source.request_stop();
           throw planned_failure();
         };
         try {
           shared().map(items, stop_and_fail, {.on_error = error_policy::run_all, .stop = source.get_token()});
         } catch (const fanout::operation_cancelled& e) {
           expect(!e.errors().empty() && std::all_of(e.errors().begin(), e.errors().end(), was_planned));
           return;
         }
         throw wrong_result();
       }},
      {"AFailure",
       [] {
         try {
           static_cast<void>(shared().execute(failing));
         } catch (const fanout::task_error& e) {
           if (!was_planned(e)) throw;
           expect(e.index() % 3 == 2);
           return;
         }
         throw wrong_result();
       }},
      {"AllFailures",
       [] {
         try {
           static_cast<void>(shared().execute(failing, {.on_error = error_policy::run_all}));
         } catch (const fanout::aggregate_error& e) {
           expect(e.errors().size() >= 4);
           if (e.errors().size() != 4) throw;
           return;
         }
         throw wrong_result();
       }},
      {"Settle",
       [] {
         const auto outcomes = shared().settle(tasks);
         for (std::size_t i = 0; i != tasks.size(); ++i) {
           if (outcomes[i].has_value()) {
             expect(*outcomes[i] == long_text(i));
           } else {
             expect(outcomes[i].error() != nullptr && tells_of_memory(outcomes[i].error()));
           }
         }
       }},
      {"SettleOfFailures",
       [] {
         const auto outcomes = shared().settle(failing);
         for (std::size_t i = 0; i != failing.size(); ++i) expect(outcomes[i].has_value() == (i % 3 != 2));
         expect(!outcomes[0].cancelled());
         try {
           static_cast<void>(outcomes[2].value());
         } catch (const fanout::task_error& e) {
           expect(e.index() == 2 && was_planned(e));
           return;
         }
         throw wrong_result();
       }},
      {"Invoke",
       [] {
         const auto [text, nothing, number] =
             fanout::invoke_in_parallel([] { return long_text(1); }, [] {}, [] { return 3; });
         expect(text == long_text(1) && number == 3);
       }},
      {"Nested",
       [] {
         const auto outer = [](const task_context&) { return execute_in_parallel(tasks, 2).size(); };
         expect(shared().execute(std::vector(3, outer)) == std::vector<std::size_t>(3, tasks.size()));
       },
       /*slack=*/20},
      {"NestedInACycle",
       [] {
         static executor other({.concurrency = 2});
         const auto inner = [] { shared().execute(std::vector(3, [] {})); };
         const auto outer = [&] { other.execute(std::vector(3, inner)); };
         shared().execute(std::vector(limit, outer));
       },
       /*slack=*/4},
      {"Executor",
       [] {
         executor four({.concurrency = 4});
         executor moved = std::move(four);
         expect_texts(moved.execute(tasks), tasks.size());
       }},
      {"AutomaticExecutor", [] { expect_texts(executor().execute(tasks), tasks.size()); }},
      {"AdaptiveExecutor",
       [] { expect_texts(executor({.concurrency = 4, .adaptive = true}).execute(tasks), tasks.size()); }},
      {"BadInput",
       [] {
         try {
           execute_in_parallel(std::vector<std::function<void()>>(2), 2);
         } catch (const std::invalid_argument&) {
           return;
         }
         throw wrong_result();
       }},
  };
}

}  // namespace support
