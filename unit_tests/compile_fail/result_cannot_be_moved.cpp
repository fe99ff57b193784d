// expect: a result must be movable, or begin life by a default constructor that does not throw
#include <fanout/fanout.hpp>

struct immovable {
  immovable() {}  // may throw
  immovable(immovable&&) = delete;
};

void wrong_use() {
  fanout::map_in_parallel(3, [](int) { return immovable(); });
}
