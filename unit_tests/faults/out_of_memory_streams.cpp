#include "faults/out_of_memory_operations.hpp"

#include <cstddef>
#include <ranges>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace support {

using fanout::delivery;
using fanout::stream_in_parallel;
using fanout::task_context;

namespace {

const auto text_of = [](std::size_t number) { return long_text(number); };

template <class Stream>
void expect_all(Stream&& from, std::size_t count) {
  std::size_t seen = 0;
  for (auto each = from.begin(); each != from.end(); ++each, ++seen) expect(*each == long_text(each.index()));
  expect(seen == count);
}

}  // namespace

std::vector<operation> streams() {
  static const auto numbers = std::views::iota(std::size_t{0}, std::size_t{20});
  static std::stop_source never;

  return {
      {"InOrder", [] { expect_all(stream_in_parallel(numbers, text_of, {.concurrency = 3, .ahead = 5}), 20); }},
      {"AsCompleted",
       [] {
         expect_all(stream_in_parallel(numbers, text_of,
                                       {.concurrency = 3, .ahead = 5, .order = delivery::as_completed}), 20);
       }},
      {"OfAnExecutor", [] { expect_all(shared().stream(numbers, text_of, {.ahead = 5}), 20); }},
      {"OfTextsThatAreMade",
       [] {
         auto texts = numbers | std::views::transform(text_of);
         expect_all(stream_in_parallel(texts, [](std::string text) { return text; }, {.concurrency = 2}), 20);
       }},
      {"OfAnOwnedVector",
       [] {
         std::vector<std::string> texts;
         for (std::size_t i = 0; i != 20; ++i) texts.push_back(long_text(i));
         expect_all(stream_in_parallel(std::move(texts), [](std::string text) { return text; }, 2), 20);
       }},
      {"StopTokens",
       [] {
         auto stream = stream_in_parallel(numbers, [](std::size_t number, const task_context& context) {
           expect(context.stop_token().stop_possible());
           return long_text(number);
         }, {.concurrency = 2, .stop = never.get_token()});
         expect_all(stream, 20);
       }},
      {"InATaskOfItsExecutor",
       [] {
         shared().execute(std::vector(3, [] { expect_all(shared().stream(numbers, text_of, {.ahead = 5}), 20); }));
       }},
      {"LeftEarly",
       [] {
         auto stream = stream_in_parallel(std::views::iota(std::size_t{0}), text_of, {.concurrency = 2, .ahead = 10});
         auto here = stream.begin();
         for (std::size_t i = 0; i != 10; ++i, ++here) expect(*here == long_text(i));
       }},
      {"AFailure",
       [] {
         std::size_t seen = 0;
         try {
           for (const auto& each : stream_in_parallel(numbers, [](std::size_t number) {
                  if (number == 7) throw planned_failure();
                  return long_text(number);
                }, 2))
             expect(each == long_text(seen++));
         } catch (const fanout::task_error& e) {
           if (tells_of_memory(e.nested_ptr())) throw;
           expect(seen == 7 && e.index() == 7);
         }
       }},
  };
}

}  // namespace support
