// expect: items must not contain references to bits, which share memory: use std::as_const
#include <tuple>
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<bool> flags(1);
  int number = 0;
  std::vector<std::tuple<std::vector<bool>::reference, int&>> both{{flags[0], number}};
  fanout::map_in_parallel(both, [](auto&& each) { std::get<0>(each) = true; });
}
