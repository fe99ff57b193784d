// expect: the output must have elements, not bits
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<bool> out(3);
  fanout::map_in_parallel_into(out, 3, [](int i) { return i == 1; });
}
