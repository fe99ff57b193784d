#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <new>
#include <ostream>
#include <string>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/threads.hpp"
#include "faults/refusing_memory.hpp"

/// A walk through an operation: its first allocation is refused, then its second, and so on, until it needs no more.
namespace support {

/// What a task throws because the test wants it to.
struct planned_failure : std::exception {
  const char* what() const noexcept override { return "planned"; }
};

/// Whether an exception says that memory ran out: `std::bad_alloc`, or an error of fanout's in which one is nested.
/// Among several errors there may be failures that were planned.
inline bool tells_of_memory(const std::exception_ptr& error, bool planned_too = false) {
  try {
    std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const planned_failure&) {
    return planned_too;
  } catch (const fanout::task_error& e) {
    return tells_of_memory(e.nested_ptr(), planned_too);
  } catch (const fanout::aggregate_error& e) {
    bool all = true;
    for (const fanout::task_error& each : e.errors()) all = all && tells_of_memory(each.nested_ptr(), true);
    return all;
  } catch (const fanout::operation_cancelled& e) {
    bool all = !e.errors().empty();
    for (const fanout::task_error& each : e.errors()) all = all && tells_of_memory(each.nested_ptr(), true);
    return all;
  } catch (...) {
    return false;
  }
}

struct operation {
  std::string name;
  std::function<void()> run;  // throws `wrong_result` if it returned without its result
  // Blocks that are kept for later calls, and of which there are more where calls met by chance: idle executors, the list
  // of those who wait for each other.
  std::ptrdiff_t slack = 0;
  friend std::ostream& operator<<(std::ostream& out, const operation& each) { return out << each.name; }
};

struct wrong_result : std::exception {
  const char* what() const noexcept override { return "the operation returned something else than its result"; }
};

inline void expect(bool holds) {
  if (!holds) throw wrong_result();
}

inline std::string name_of(const testing::TestParamInfo<operation>& info) { return info.param.name; }

/// A reserve that is promised to nobody ends after five idle seconds, at any step of a walk. Its record is joined,
/// and used again, only when the next reserve ends, so the thread that takes its place needs a record of its own,
/// once: a block that no operation has lost. This leaves enough records, of threads that have ended.
inline void have_records_of_reserves() {
  static const bool done = [] {
    { const fanout::executor of_many({.concurrency = 24}); }
    fanout::release_idle();
    return true;
  }();
  static_cast<void>(done);
}

/// Walks through `each.run`. After every refusal the operation must have given its result, or thrown that memory ran
/// out; then `still_usable` runs with all the memory there is; and no block may be left behind. Returns how many refusals
/// there were.
inline std::size_t walk(const operation& each, memory::source from, memory::of whom, memory::refusal how,
                        const std::function<void()>& still_usable) {
  constexpr std::size_t most_steps = 20'000;
  have_records_of_reserves();
  for (int warm_up = 0; warm_up != 3; ++warm_up) {
    each.run();
    still_usable();
  }
  for (std::size_t step = 0; step != most_steps; ++step) {
    const std::ptrdiff_t before = memory::live_blocks();
    std::exception_ptr thrown;
    bool refused = false;
    {
      memory::shortage shortage(from, whom, how, step);
      try {
        each.run();
      } catch (...) {
        thrown = std::current_exception();
      }
      refused = shortage.end();
    }
    const bool explained = thrown == nullptr || (refused && tells_of_memory(thrown));
    if (!explained) {
      ADD_FAILURE() << each.name << ", allocation " << step << ": " << [&]() -> std::string {
        try {
          std::rethrow_exception(thrown);
        } catch (const std::exception& e) {
          return e.what();
        } catch (...) {
          return "an unknown exception";
        }
      }();
      return step;
    }
    if (!refused) return step;
    thrown = nullptr;
    still_usable();
    each.run();  // what the failure undid that was kept for the next call is made again
    const std::ptrdiff_t left = memory::live_blocks() - before;
    if (left > each.slack) {  // fewer there may be: an idle executor was given up
      ADD_FAILURE() << each.name << ", allocation " << step << " left " << left << " blocks behind";
      return step;
    }
  }
  ADD_FAILURE() << each.name << " goes on allocating";
  return most_steps;
}

}  // namespace support
