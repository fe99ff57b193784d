// expect: the destructor of a result must not throw
#include <fanout/fanout.hpp>

struct throwing {
  ~throwing() noexcept(false) {}
};

void wrong_use() {
  fanout::map_in_parallel(3, [](int) { return throwing(); });
}
