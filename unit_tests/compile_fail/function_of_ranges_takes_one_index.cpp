// expect: a function of ranges must be callable as f\(first, last\), or with a task_context
#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::for_each_range(3, [](int) {});
}
