#include <fanout/fanout.hpp>

#include <functional>
#include <vector>

std::vector<int> run(const std::vector<std::function<int()>>& tasks) { return fanout::execute_in_parallel(tasks, 2); }
