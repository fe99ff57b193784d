// expect: a task or mapper must return an object or void, not a reference
#include <functional>
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<std::function<int&()>> tasks(3);
  fanout::execute_in_parallel(tasks);
}
