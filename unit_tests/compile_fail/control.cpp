// expect: success
#include <functional>
#include <vector>

#include <fanout/fanout.hpp>

void right_use() {
  std::vector<std::function<int()>> tasks(3);
  fanout::execute_in_parallel(tasks, 2);
  fanout::execute_in_parallel(tasks, {.concurrency = 2});
  fanout::settle_in_parallel(tasks);
  fanout::invoke_in_parallel([] { return 1; }, [](const fanout::task_context& context) { return context.index(); });

  std::vector<int> numbers(3);
  fanout::map_in_parallel(numbers, [](int& number) { return number; });

  fanout::resource_pool<int> pool([] { return 1; }, 2);
  std::vector<std::function<int(int&)>> pooled_tasks(3);
  fanout::execute_with_pool(pooled_tasks, pool);
  fanout::map_with_pool(numbers, pool, [](int number, int& resource) { return number + resource; });
}
