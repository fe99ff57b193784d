// The resources of a pool are one and the same thing, so two leases have it at once.
// expect: data race.*write_of_the_second_holder.*write_of_the_first_holder

#include <fanout/fanout.hpp>

#include <functional>
#include <vector>

#include "planted.hpp"

namespace {

PLANTED void write_of_the_first_holder(int& resource) { resource = 1; }
PLANTED void write_of_the_second_holder(int& resource) { resource = 2; }

}  // namespace

int main() {
  int only_one = 0;
  fanout::resource_pool<int*> pool([&] { return &only_one; }, 2);
  planted::meeting both_run;
  planted::signal written;
  const std::vector<std::function<void(int*&)>> tasks{
      [&](int*& resource) {
        both_run.join();
        write_of_the_first_holder(*resource);
        written.give();
      },
      [&](int*& resource) {
        both_run.join();
        written.await();
        write_of_the_second_holder(*resource);
      },
  };
  fanout::execute_with_pool(tasks, pool, {.concurrency = 2});
}
