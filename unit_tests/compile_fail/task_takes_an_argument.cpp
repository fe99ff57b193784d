// expect: a task must be callable as T\(\) or T\(const task_context&\)
#include <functional>
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<std::function<int(int)>> tasks(3);
  fanout::execute_in_parallel(tasks);
}
