#include <fanout/fanout.hpp>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

int main() {
  std::vector<std::function<std::string()>> tasks;
  for (int i = 0; i < 10; ++i) {
    tasks.push_back([i] { return "task " + std::to_string(i) + " is done"; });
  }

  const std::vector<std::string> results = fanout::execute_in_parallel(tasks, 4);  // four at once, no more
  for (const std::string& line : results) std::puts(line.c_str());                // in the order of the tasks

  return results.size() == tasks.size() && results.back() == "task 9 is done" ? 0 : 1;
}
