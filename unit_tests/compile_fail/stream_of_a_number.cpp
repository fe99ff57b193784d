// expect: the source must be a range
#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::stream_in_parallel(3, [](int i) { return i; });
}
