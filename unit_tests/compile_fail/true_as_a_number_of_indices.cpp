// expect: the items must be a range or a number of indices
#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::map_in_parallel(true, [](int i) { return i; });
}
