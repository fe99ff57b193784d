// Two tasks write one int.
// expect: data race.*write_of_the_second_task.*write_of_the_first_task

#include <fanout/fanout.hpp>

#include <functional>
#include <vector>

#include "planted.hpp"

namespace {

int shared = 0;

PLANTED void write_of_the_first_task() { shared = 1; }
PLANTED void write_of_the_second_task() { shared = 2; }

}  // namespace

int main() {
  planted::meeting both_run;
  planted::signal written;
  const std::vector<std::function<void()>> tasks{
      [&] {
        both_run.join();
        write_of_the_first_task();
        written.give();
      },
      [&] {
        both_run.join();
        written.await();
        write_of_the_second_task();
      },
  };
  fanout::execute_in_parallel(tasks, 2);
  return shared == 2 ? 0 : 1;  // nobody else would read it, and the compiler leave out the writes
}
