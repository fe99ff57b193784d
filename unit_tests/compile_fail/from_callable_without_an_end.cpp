// expect: the function must return a std::optional
#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::from_callable([] { return 3; });
}
