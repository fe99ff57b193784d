// expect: bits, such as the items of std::vector<bool>, are given as bool&
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<bool> flags(3);
  fanout::map_in_parallel(flags, [](std::vector<bool>::reference flag) { flag = true; });
}
