// expect: options come before the functions
#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::invoke_in_parallel([] { return 1; }, [] { return 2; }, fanout::run_options{});
}
