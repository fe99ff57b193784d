// expect: a task or mapper must return an object or void, not a reference
#include <functional>
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::resource_pool<int> pool([] { return 1; }, 2);
  std::vector<std::function<int&(int&)>> tasks(3);
  fanout::execute_with_pool(tasks, pool);
}
