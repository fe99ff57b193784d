// expect: a mapper must be callable as R\(item\) or R\(item, const task_context&\)
#include <string>
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  auto batch = fanout::submit_map(std::vector<int>(3), [](const std::string& text) { return text.size(); });
}
