// expect: an lvalue is copied: use std::move, or std::ref to refer to it
#include <memory>
#include <vector>

#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<std::unique_ptr<int>> items(3);
  auto batch = fanout::submit_map(items, [](const std::unique_ptr<int>& item) { return *item; });
}
