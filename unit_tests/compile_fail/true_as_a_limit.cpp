// expect: no matching function for call to .*execute_in_parallel
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::execute_in_parallel(std::vector(2, [] {}), true);
}
