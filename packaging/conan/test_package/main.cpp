#include <fanout/fanout.hpp>
#ifdef WITH_TUNING
#include <fanout/tuning.hpp>
#endif

#include <cstdio>
#include <vector>

int main() {
  const std::vector<int> squares = fanout::map_in_parallel(100, [](int i) { return i * i; }, 4);
#ifdef WITH_TUNING
  std::printf("fanout::tuning too: a profile for %zu cores\n", fanout::this_machine().cores);
#endif
  return squares.size() == 100 && squares.back() == 99 * 99 ? 0 : 1;
}
