// expect: a pooled mapper must be callable as R\(item, Resource&\) or with a task_context
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::resource_pool<int> pool([] { return 1; }, 2);
  std::vector<int> numbers(3);
  fanout::map_with_pool(numbers, pool, [](int number) { return number; });
}
