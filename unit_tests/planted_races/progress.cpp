// A task reads what the progress callback writes.
// expect: data race.*read_in_a_task.*write_in_the_callback

#include <fanout/fanout.hpp>

#include <cstddef>
#include <functional>
#include <vector>

#include "planted.hpp"

namespace {

std::size_t told = 0;

PLANTED void write_in_the_callback(std::size_t completed) { told = completed; }
PLANTED std::size_t read_in_a_task() { return told; }

}  // namespace

int main() {
  planted::meeting both_run;
  planted::signal called;
  const std::vector<std::function<std::size_t()>> tasks{
      [&] {
        both_run.join();
        return std::size_t{0};
      },
      [&] {
        both_run.join();
        called.await();
        return read_in_a_task();
      },
  };
  fanout::execute_in_parallel_with_progress(tasks, 2, [&](std::size_t completed, std::size_t) {
    write_in_the_callback(completed);
    called.give();
  });
}
