// expect: a task or mapper must return an object or void, not a reference
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<int> numbers(3);
  fanout::map_in_parallel(numbers, [](int& number) -> int& { return number; });
}
