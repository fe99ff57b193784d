// expect: the output must be a sized random-access range, such as a vector or an array
#include <list>

#include <fanout/fanout.hpp>

void wrong_use(std::list<int>& out) {
  fanout::map_in_parallel_into(out, 3, [](int i) { return i; });
}
