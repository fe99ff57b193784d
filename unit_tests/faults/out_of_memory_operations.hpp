#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "faults/out_of_memory.hpp"
#include "support.hpp"

/// What fails for lack of memory in `out_of_memory_test.cpp`.
namespace support {

inline constexpr std::size_t limit = 3;

/// Executors of every test's, whose threads are there before memory runs out.
inline fanout::executor& named() {
  static fanout::executor three({.concurrency = limit});
  return three;
}
inline fanout::executor& of_the_cores() {
  static fanout::executor automatic;
  return automatic;
}

/// The one that the operations use.
inline bool on_workers_of_onetbb = false;
inline fanout::executor& shared() { return on_workers_of_onetbb ? of_the_cores() : named(); }

inline void expect_limit(fanout::executor& on, std::size_t size) {
  rendezvous all(size);
  std::atomic<std::size_t> met = 0;
  on.execute(std::vector(size, [&] { met += all.meet() ? 1 : 0; }));
  if (met != size) throw std::logic_error("the executor does not reach its limit");
}

/// All threads of the executor with a named limit work together; the other one and free calls of either kind work.
inline void all_is_well() {
  expect_limit(named(), limit);
  const std::vector small(5, [] { return 1; });
  if (fanout::execute_in_parallel(small, 2).size() != 5 || fanout::execute_in_parallel(small).size() != 5) {
    throw std::logic_error("free calls do not work");
  }
  if (of_the_cores().execute(small).size() != 5) throw std::logic_error("the automatic executor does not work");
}

/// Too long to be kept within a string.
inline std::string long_text(std::size_t number) { return std::string(50, 'x') + std::to_string(number); }

using text_task = std::function<std::string(const fanout::task_context&)>;

inline std::vector<text_task> text_tasks(std::size_t count) {
  return std::vector<text_task>(count,
                                [](const fanout::task_context& context) { return long_text(context.index()); });
}

inline void expect_texts(const std::vector<std::string>& texts, std::size_t count) {
  expect(texts.size() == count);
  for (std::size_t i = 0; i != count; ++i) expect(texts[i] == long_text(i));
}

/// A result that can be made only by a task, and that is counted.
struct text_of_task : counted {
  explicit text_of_task(std::size_t number) : counted(0), text(long_text(number)) {}
  std::string text;
};

/// Tasks of which some fail: numbers 3, 6, 9 …
inline std::vector<std::function<int(const fanout::task_context&)>> tasks_that_fail(std::size_t count) {
  return std::vector<std::function<int(const fanout::task_context&)>>(count, [](const fanout::task_context& context) {
    if (context.index() % 3 == 2) throw planned_failure();
    return static_cast<int>(context.index());
  });
}

inline bool was_planned(const fanout::task_error& error) { return !tells_of_memory(error.nested_ptr()); }

/// Calls on `shared()` and free ones.
std::vector<operation> batches();

/// Batches beside their caller.
std::vector<operation> handles();
std::vector<operation> scopes();
std::vector<operation> streams();

/// Those of a pool.
std::vector<operation> pools();

}  // namespace support
