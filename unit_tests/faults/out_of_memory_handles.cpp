#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "faults/out_of_memory_operations.hpp"

namespace support {

using fanout::batch;
using fanout::executor;
using fanout::run_options;
using fanout::task_context;

namespace {

constexpr std::size_t count = 12;

/// Tasks that count how many of them have run.
struct counting {
  std::atomic<int> ran = 0;

  auto tasks() {
    return std::vector<text_task>(count, [this](const task_context& context) {
      ++ran;
      return long_text(context.index());
    });
  }

  /// What `submit` returns. If it throws, nothing has run, and nothing will.
  template <class Submit>
  auto submitted(const Submit& submit) {
    try {
      return submit();
    } catch (...) {
      expect(ran == 0);
      throw;
    }
  }
};

/// Submits twelve tasks in a way, and does something with the handle.
template <class Submit, class Use>
std::function<void()> with_a_handle(Submit submit, Use use) {
  return [submit, use] {
    counting made;
    batch<std::string> handle = made.submitted([&] { return submit(made.tasks()); });
    use(handle, made);
  };
}

const auto on_the_executor = [](auto tasks) { return shared().submit(std::move(tasks)); };
const auto on_two = [](auto tasks) { return fanout::submit(std::move(tasks), 2); };
const auto on_the_cores = [](auto tasks) { return fanout::submit(std::move(tasks)); };

const auto get = [](batch<std::string>& handle, const counting&) { expect_texts(handle.get(), count); };
const auto drop = [](batch<std::string>& handle, const counting& made) {
  { const batch<std::string> dropped = std::move(handle); }
  const int ran = made.ran;
  expect(ran >= 0 && ran <= static_cast<int>(count));
};

}  // namespace

std::vector<operation> handles() {
  return {
      {"SubmitAndGet", with_a_handle(on_the_executor, get)},
      {"SubmitOfTwoAndGet", with_a_handle(on_two, get), /*slack=*/20},
      {"SubmitOfTheCoresAndGet", with_a_handle(on_the_cores, get), /*slack=*/20},
      {"SubmitAndDrop", with_a_handle(on_the_executor, drop)},
      {"SubmitOfTwoAndDrop", with_a_handle(on_two, drop), /*slack=*/20},
      {"SubmitAndLook", with_a_handle(on_the_executor,
                                      [](batch<std::string>& handle, const counting&) {
                                        while (!handle.wait_for(std::chrono::milliseconds(1))) {
                                          expect(handle.progress().completed <= count);
                                        }
                                        expect(handle.ready() && handle.progress().total == count);
                                        expect_texts(handle.get(), count);
                                      })},
      {"SubmitAndStop", with_a_handle(on_the_executor,
                                      [](batch<std::string>& handle, const counting& made) {
                                        handle.request_stop();
                                        try {
                                          expect_texts(handle.get(), count);
                                        } catch (const fanout::operation_cancelled& e) {
                                          if (!e.errors().empty()) throw;
                                          expect(e.completed() == static_cast<std::size_t>(made.ran));
                                        }
                                      })},
      {"SubmitMapOfAList",
       [] {
         std::list<std::string> list;
         for (std::size_t i = 0; i != count; ++i) list.push_back(long_text(i));
         expect_texts(shared().submit_map(std::move(list), [](std::string text) { return text; }).get(), count);
       }},
      {"SubmitMapWithAStopAndProgress",
       [] {
         std::stop_source never;
         std::atomic<std::size_t> told = 0;
         run_options options{.stop = never.get_token()};
         options.on_progress = [&](std::size_t completed, std::size_t) { told = completed; };
         const auto text_of = [](std::size_t number) { return long_text(number); };
         expect_texts(shared().submit_map(count, text_of, options).get(), count);
         expect(told == count);
       }},
      {"SubmitOfFailures",
       [] {
         auto handle = shared().submit(tasks_that_fail(count));
         try {
           static_cast<void>(handle.get());
         } catch (const fanout::task_error& e) {
           if (!was_planned(e)) throw;
           expect(e.index() % 3 == 2 && handle.progress().failed >= 1);
           return;
         }
         throw wrong_result();
       }},
      {"SubmitInATaskAndGet",
       [] {
         const auto outer = [](std::size_t) {
           return shared().submit_map(count, [](std::size_t number) { return long_text(number); }).get().size();
         };
         expect(shared().map(3, outer) == std::vector<std::size_t>(3, count));
       }},
      {"SubmitOnANewExecutor",
       [] {
         counting made;
         const executor two({.concurrency = 2});
         auto first = made.submitted([&] { return two.submit(made.tasks()); });
         auto second = two.submit_map(count, [](std::size_t number) { return long_text(number); });
         expect_texts(second.get(), count);
         expect_texts(first.get(), count);
       }},
  };
}

}  // namespace support
