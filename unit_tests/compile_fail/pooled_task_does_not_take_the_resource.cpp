// expect: a pooled task must be callable as R\(Resource&\) or R\(Resource&, const task_context&\)
#include <functional>
#include <string>
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::resource_pool<int> pool([] { return 1; }, 2);
  std::vector<std::function<void(std::string&)>> tasks(3);
  fanout::execute_with_pool(tasks, pool);
}
