// expect: a task must be callable as T\(\) or T\(const task_context&\)
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<int> numbers(3);
  fanout::execute_in_parallel(numbers, 2);
}
