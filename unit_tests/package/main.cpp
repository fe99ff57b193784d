#include <cstdlib>
#include <functional>
#include <vector>

#include <fanout/fanout.hpp>

int main() {
  const std::vector<std::function<int()>> tasks = {[] { return 1; }, [] { return 2; }, [] { return 3; }};
  return fanout::execute_in_parallel(tasks) == std::vector{1, 2, 3} ? EXIT_SUCCESS : EXIT_FAILURE;
}
