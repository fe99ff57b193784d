// expect: the mapper of a stream must return something for its reader
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<int> numbers(3);
  fanout::stream_in_parallel(numbers, [](int) {});
}
