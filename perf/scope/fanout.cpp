#include <fanout/fanout.hpp>

#include <utility>

#include "scope/question.hpp"

namespace {

struct scope {
  static constexpr const char* name = "fanout";
  template <class F>
  void add(F task) {
    tasks.add(std::move(task));
  }
  void wait() { tasks.join(); }
  fanout::task_scope tasks;
};

struct scope_on_executor {
  static constexpr const char* name = "fanout_executor";
  template <class F>
  void add(F task) {
    tasks.add(std::move(task));
  }
  void wait() { tasks.join(); }
  fanout::executor on;
  fanout::task_scope tasks{on};
};

const bool entered = [] {
  scope_question::enter<scope>();
  scope_question::enter<scope_on_executor>();
  return true;
}();

}  // namespace
