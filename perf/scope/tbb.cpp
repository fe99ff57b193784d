#include <oneapi/tbb/task_group.h>

#include <utility>

#include "scope/question.hpp"

namespace {

struct group {
  static constexpr const char* name = "tbb_task_group";
  template <class F>
  void add(F task) {
    tasks.run(std::move(task));
  }
  void wait() { tasks.wait(); }
  tbb::task_group tasks;
};

const bool entered = [] {
  scope_question::enter<group>();
  return true;
}();

}  // namespace
