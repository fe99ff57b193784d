// expect: the input must have an end
#include <ranges>

#include <fanout/fanout.hpp>

struct endless {
  int* begin() const { return nullptr; }
  std::unreachable_sentinel_t end() const { return {}; }
};

void wrong_use() {
  fanout::map_in_parallel(endless(), [](int i) { return i; });
}
