// expect: a mapper must be callable as R\(item\) or R\(item, const task_context&\)
#include <string>
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<int> numbers(3);
  fanout::map_in_parallel(numbers, [](const std::string& text) { return text.size(); });
}
