#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <new>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "faults/out_of_memory_operations.hpp"

namespace support {
namespace {

using fanout::error_policy;
using fanout::run_options;
using fanout::task_scope;

/// Adds tasks until there is no memory for one, and joins. Those that were added run, and no others.
template <class... On>
void add_and_join(const run_options& options, const On&... on) {
  std::atomic<std::size_t> ran = 0;
  std::size_t added = 0;
  std::exception_ptr refused;
  task_scope scope(on..., options);
  try {
    for (std::size_t i = 0; i != 100; ++i, ++added) scope.add([&ran] { ++ran; });
    for (std::size_t i = 0; i != 5; ++i, ++added) scope.add([&ran, text = long_text(i)] { ran += text.size() / 51; });
  } catch (const std::bad_alloc&) {
    refused = std::current_exception();
  }
  scope.join();
  expect(ran == added);
  expect(scope.progress().completed == added && scope.progress().total == added);
  if (refused) std::rethrow_exception(refused);
}

}  // namespace

std::vector<operation> scopes() {
  return {
      {"Scope", [] { add_and_join({.concurrency = limit}); }},
      {"ScopeOfManyRunners", [] { add_and_join({.concurrency = 7}); }},
      {"ScopeOnAnExecutor", [] { add_and_join({}, shared()); }},
      {"ScopeWithABound", [] { add_and_join({.max_pending = 2}, shared()); }},
      {"ScopeInATask", [] { shared().execute(std::vector(2, [] { add_and_join({.max_pending = 2}, shared()); })); }},
      {"ScopeWithFailures",
       [] {
         task_scope scope(shared(), {.on_error = error_policy::run_all});
         std::size_t added = 0;
         for (std::size_t i = 0; i != 9; ++i, ++added) {
           scope.add([i] {
             if (i % 3 == 2) throw planned_failure();
           });
         }
         try {
           scope.join();
         } catch (const fanout::aggregate_error& e) {
           expect(e.errors().size() == 3);
           return;
         }
         expect(false);
       }},
      {"ScopeThatIsStopped",
       [] {
         task_scope scope(shared());
         scope.add([](const fanout::task_context& context) {
           const std::stop_token stop = context.stop_token();
           while (!stop.stop_requested()) std::this_thread::yield();
         });
         scope.request_stop();
         try {
           scope.join();
         } catch (const fanout::operation_cancelled& e) {
           if (!e.errors().empty()) throw;
           expect(e.total() == 1);
           return;
         }
         expect(false);
       }},
      {"ScopeThatIsDropped",
       [] {
         task_scope scope({.concurrency = 2});
         for (std::size_t i = 0; i != 5; ++i) scope.add([text = long_text(i)] { expect(!text.empty()); });
       }},
  };
}

}  // namespace support
