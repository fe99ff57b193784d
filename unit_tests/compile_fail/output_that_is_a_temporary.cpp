// expect: the output must be an lvalue or a view, because a temporary ends with the call
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use(const std::vector<int>& items) {
  fanout::map_in_parallel_into(std::vector<int>(items.size()), items, [](int item) { return item; });
}
