#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "fanout/task_scope.hpp"
#include "handles.hpp"
#include "observer.hpp"
#include "plan.hpp"
#include "record.hpp"
#include "tasks.hpp"

/// How the tasks of a batch that is a scope are added, and how the scope ends.
namespace stress {

class scope_user {
 public:
  scope_user(running_batch& batch, scope_record& notes, handle_record& looks)
      : batch_(batch), what_(batch.what), seen_(batch.seen), notes_(notes), looks_(looks), added_(what_.size) {
    if (what_.scope.max_pending != 0) notes_.max_pending = what_.scope.max_pending;
    notes_.joined = what_.scope.joins;
  }

  /// Adds the tasks, whose results are `T`, to the scope that `make` returns. Throws what `join` throws, or
  /// `handle_dropped` if the plan is to destroy the scope instead.
  template <class T, class Make>
  void use(const Make& make) {
    {
      fanout::task_scope scope = make();
      add_from_threads<T>(scope);
      if (what_.scope.is_stopped) {
        scope.request_stop();
        seen_.stop_was_requested();
        looks_.was_stopped = true;
      }
      look(scope, false);
      if (what_.scope.joins) join(scope);
    }
    if (what_.scope.joins) return;
    looks_.was_stopped = true;
    throw handle_dropped();
  }

  /// Requires that the scope has been destroyed. The number of tasks that were added.
  std::size_t tasks_added() {
    notes_.added = added_;
    notes_.added_by_tasks = by_tasks_;
    notes_.most_waiting = most_waiting_;
    notes_.least_waiting_when_refused = least_waiting_;
    return accepted_;
  }

 private:
  using counter = std::atomic<std::size_t>;  // each is written and read by all threads that add

  template <class T>
  struct scope_task {
    scope_user* user;
    fanout::task_scope* scope;
    added_task how;
    T operator()(const fanout::task_context& context) const { return user->run<T>(*scope, how, context); }
  };

  template <class T>
  void add_from_threads(fanout::task_scope& scope) {
    std::vector<std::jthread> others;
    for (unsigned adder = 2; adder <= what_.scope.adders; ++adder)
      others.emplace_back([this, &scope, adder] { add_some<T>(scope, adder); });
    add_some<T>(scope, 1);
  }

  template <class T>
  void add_some(fanout::task_scope& scope, unsigned adder) {
    for (std::size_t number = 0; claim(by_adders_, what_.scope.by_adders); ++number) {
      add<T>(scope, adder, number, what_.scope.tries);
      const std::size_t accepted = accepted_;  // before the starts
      const std::size_t started = seen_.started();
      if (accepted > started) raise(most_waiting_, accepted - started);
    }
  }

  template <class T>
  T run(fanout::task_scope& scope, const added_task& how, const fanout::task_context& context) {
    const std::size_t index = context.index();
    if (index >= added_.size()) {
      seen_.notice("the index of a task is not its place in the order of adding");
      std::abort();  // there is no place to note more of it
    }
    added_[index] = how;
    return batch_.perform(index, context, [&] {
      const unsigned adder = static_cast<unsigned>(what_.scope.adders + 1 + index);
      for (std::size_t child = 0; child != what_.scope.children; ++child) {
        if (!claim(by_tasks_, what_.size - what_.scope.by_adders)) break;
        add<T>(scope, adder, child, child % 2 == 1);
      }
      return result_of<T>(seen_, index);
    });
  }

  /// Small tasks that are copied by their bytes, and others.
  template <class T>
  void add(fanout::task_scope& scope, unsigned adder, std::size_t number, bool tries) {
    ++begun_;
    const scope_task<T> task{this, &scope, {adder, number, seen_.now()}};
    const std::size_t started = seen_.started();
    if (tries && scope.try_add(task)) return static_cast<void>(++accepted_);
    if (tries) lower(least_waiting_, begun_ - 1 - started);
    number % 3 == 1 ? scope.add(std::function<T(const fanout::task_context&)>(task)) : scope.add(task);
    ++accepted_;
  }

  static bool claim(counter& claimed, std::size_t most) {
    std::size_t seen = claimed;
    while (seen < most) {
      if (claimed.compare_exchange_weak(seen, seen + 1)) return true;
    }
    return false;
  }
  static void raise(counter& most, std::size_t to) {
    for (std::size_t seen = most; seen < to && !most.compare_exchange_weak(seen, to);) continue;
  }
  static void lower(counter& least, std::size_t to) {
    for (std::size_t seen = least; seen > to && !least.compare_exchange_weak(seen, to);) continue;
  }

  void join(fanout::task_scope& scope) {
    const at_end afterwards{*this, scope};
    scope.join();
  }

  struct at_end {
    scope_user& user;
    fanout::task_scope& scope;
    ~at_end() {
      user.notes_.in_flight_at_end = user.seen_.in_flight();
      user.look(scope, true);
      try {
        scope.add([] {});
        user.seen_.notice("a scope that was joined takes a task");
      } catch (const std::logic_error&) {
      }
      try {
        scope.join();
        user.seen_.notice("a scope can be joined twice");
      } catch (const std::logic_error&) {
      }
    }
  };

  void look(const fanout::task_scope& scope, bool is_over) {
    looks_.looks.push_back(seen_.look_at(scope, is_over));
  }

  running_batch& batch_;
  const batch_plan& what_;
  observer& seen_;
  scope_record& notes_;
  handle_record& looks_;
  std::vector<added_task> added_;  // each written by the task of this index, read when the scope has ended
  counter begun_{0};
  counter accepted_{0};
  counter by_adders_{0};
  counter by_tasks_{0};
  counter most_waiting_{0};
  counter least_waiting_{endless};
};

}  // namespace stress
