// expect: the result must be assignable to an element of the output
#include <string>
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<int> out(3);
  fanout::map_in_parallel_into(out, 3, [](int i) { return std::to_string(i); });
}
