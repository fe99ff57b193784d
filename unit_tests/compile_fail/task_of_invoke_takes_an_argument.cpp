// expect: a task must be callable as T\(\) or T\(const task_context&\)
#include <fanout/fanout.hpp>

void wrong_use() {
  fanout::invoke_in_parallel([] { return 1; }, [](int number) { return number; });
}
