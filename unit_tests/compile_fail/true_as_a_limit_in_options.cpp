// expect: (true is no number of threads|cannot convert initializer list argument to .*run_options)
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::execute_in_parallel(std::vector(2, [] {}), {.concurrency = true});
}
