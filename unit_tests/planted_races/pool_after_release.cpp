// A task keeps a reference to its resource, and uses it after it has given back the lease and another one has it.
// expect: data race.*write_after_release.*write_of_the_next_holder

#include <fanout/fanout.hpp>

#include <functional>
#include <vector>

#include "planted.hpp"

namespace {

PLANTED void write_of_the_next_holder(int& resource) { resource = 1; }
PLANTED void write_after_release(int& resource) { resource = 2; }

}  // namespace

int main() {
  fanout::resource_pool<int> pool([] { return 0; }, 1);
  planted::signal released;
  planted::signal written;
  const std::vector<std::function<void()>> tasks{
      [&] {
        auto lease = pool.acquire();
        int& kept = *lease;
        lease.release();
        released.give();
        written.await();
        write_after_release(kept);
      },
      [&] {
        released.await();
        const auto lease = pool.acquire();
        write_of_the_next_holder(*lease);
        written.give();
      },
  };
  fanout::execute_in_parallel(tasks, 2);
}
