// A task reads the result of another one, in its place among the results, before the call has returned them.
// expect: data race.*read_before_the_call_returns.*make_the_result

#include <fanout/fanout.hpp>

#include <atomic>
#include <functional>
#include <vector>

#include "planted.hpp"

namespace {

struct result;

planted::signal made;
std::atomic<const result*> place{nullptr};  // of the first result, once it is made

struct result {
  explicit result(int from) {
    make_the_result(from);
    place.store(this, std::memory_order_relaxed);
    made.give();
  }
  result(const result&) = default;

  PLANTED void make_the_result(int from) { value = from; }

  int value;
};

PLANTED int read_before_the_call_returns() { return place.load(std::memory_order_relaxed)->value; }

}  // namespace

int main() {
  planted::meeting both_run;
  const std::vector<std::function<result()>> tasks{
      [&] {
        both_run.join();
        return result(1);
      },
      [&] {
        both_run.join();
        made.await();
        return result(read_before_the_call_returns());
      },
  };
  fanout::execute_in_parallel(tasks, 2);
}
