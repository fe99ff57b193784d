#pragma once

#include <cstddef>
#include <utility>

#include "fanout/batch_progress.hpp"
#include "fanout/detail/task_scope.hpp"
#include "fanout/executor.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// A batch whose tasks come one by one, while others run.
///
///     void walk(fanout::task_scope& scope, fs::path folder) {
///       for (const auto& entry : fs::directory_iterator(folder))
///         if (entry.is_directory()) scope.add([&scope, path = entry.path()] { walk(scope, path); });
///     }
///
///     fanout::task_scope scope;
///     scope.add([&] { walk(scope, "."); });
///     scope.join();
///
/// *Guarantees*: never more than `run_options::concurrency` tasks of the scope run at once, and they are started in
/// the order in which they were added. They run on threads of fanout while the thread that made the scope does
/// something else; those threads are promised by the constructor. A thread that joins runs tasks too, within the
/// limit. On an executor, each thread that runs tasks holds one of the executor's slots, which it gets in the order
/// of arrival with all other batches. `automatic` means as many threads as there are cores, also if the scope is
/// made inside another automatic batch. Where the application allows only one thread (`tbb::global_control`), the
/// tasks run in `join`.
///
/// Errors, stop, progress, `task_context` and floating-point settings are those of a batch. The index of a task is
/// its place in the order of adding.
///
/// | if …                                         | `join` …                                                       |
/// |----------------------------------------------|----------------------------------------------------------------|
/// | every task returns                           | returns                                                        |
/// | a task throws, `error_policy::stop`          | throws `task_error` for the failure that came first            |
/// | tasks throw, `error_policy::run_all`         | throws `aggregate_error` with all failures, after all have run |
/// | a stop comes before all tasks have ended     | throws `operation_cancelled`                                   |
/// | the progress callback throws first           | throws its exception, unchanged                                |
/// | it was called before, or by a task of its own | throws `std::logic_error`                                     |
///
/// After a stop or, under `error_policy::stop`, a failure, no task starts. Those that wait then are destroyed by
/// `join`; those that are added later are counted and destroyed at once.
///
/// *Threads*: any thread may call `add`, `try_add`, `request_stop` and `progress` at any time before the destructor
/// is called. The executor must outlive the scope.
///
/// *Costs*: see docs/task-scopes.md.
class task_scope {
 public:
  /// A scope with a limit of its own. Throws `std::invalid_argument` for an unusable limit or a `max_pending` of 0,
  /// `resource_error` if the process may not create the threads, or `std::bad_alloc`.
  explicit task_scope(run_options options = {}) : task_scope(nullptr, std::move(options)) {}

  /// A scope within this executor's limit. Throws the same, and `std::logic_error` if the executor was moved from.
  explicit task_scope(const executor& on, run_options options = {}) : task_scope(&on.core(), std::move(options)) {}

  task_scope(const task_scope&) = delete;
  task_scope& operator=(const task_scope&) = delete;

  /// Requests the stop and joins, unless the scope was joined. What its tasks threw is then dropped. If one of the
  /// scope's own tasks or its progress callback destroys it, the process ends with a message, because that task would
  /// wait for itself.
  ~task_scope() {
    detail::drop_task_scope(*core_);
    order().caller_goes_on();
  }

  /// Adds a task, which is copied or moved into the scope. Its result is ignored, and it is destroyed when it has
  /// run.
  ///
  /// *Requires*: callable as `T()` or `T(const task_context&)`, with a destructor that is `noexcept`.
  ///
  /// If `run_options::max_pending` tasks wait for a place, this waits until one of them starts. There are three
  /// exceptions. A task of the scope itself never waits, because all tasks might: what it adds is accepted beyond
  /// the bound. So is what a task of another batch, stream or scope adds, if all running tasks of this scope wait for
  /// that. And a thread that holds up the tasks it waits for, because it works under a slot of the executor, runs some
  /// of them meanwhile.
  ///
  /// Throws `std::logic_error` after `join` has returned or thrown, `std::invalid_argument` for an empty function,
  /// `std::bad_alloc`, or what copying the task throws. Then nothing was added. Tasks that were added before run all
  /// the same.
  template <detail::scope_task F>
  void add(F&& task) {
    detail::add_to_scope(*core_, this, std::forward<F>(task), detail::if_full::wait);
  }

  /// The same, but returns false, and adds nothing, if `run_options::max_pending` tasks wait for a place. Never
  /// waits.
  template <detail::scope_task F>
  [[nodiscard]] bool try_add(F&& task) {
    return detail::add_to_scope(*core_, this, std::forward<F>(task), detail::if_full::refuse);
  }

  /// Waits until all tasks have ended, also those that are added meanwhile, and runs some of them. Throws as the
  /// table says. Once.
  void join() {
    const goes_on at_the_end{*this};
    engine_join();
  }

  /// Requests the stop, and does not wait.
  FANOUT_EXPORT void request_stop() noexcept;

  /// Whether the calling code runs in a task of this scope, and not in a batch inside one.
  [[nodiscard]] FANOUT_EXPORT bool runs_caller() const noexcept;

  /// How far the scope is, without waiting. `total` is the number of tasks added so far.
  FANOUT_EXPORT batch_progress progress() const noexcept;

 private:
  FANOUT_EXPORT void engine_join();

  task_scope(detail::executor_core* on, run_options&& options)
      : core_(detail::make_task_scope(on, ordered(std::move(options)), detail::tsan::stops)) {}

  detail::tsan::order_of_batch order() const noexcept { return detail::tsan::order_of_batch(this); }

  struct goes_on {
    const task_scope& scope;
    ~goes_on() { scope.order().caller_goes_on(); }
  };

  /// The options with callbacks that tell ThreadSanitizer about their order.
  run_options ordered(run_options&& options) const {
    if constexpr (detail::tsan::enabled) {
      if (options.on_progress) {
        options.on_progress = [order = order(), report = std::move(options.on_progress)](std::size_t completed,
                                                                                         std::size_t total) {
          const detail::tsan::progress_of_batch here(order);
          report(completed, total);
        };
      }
      if (options.around) {
        order().caller_begins();
        options.around = [this, around = std::move(options.around)](const task_context& context,
                                                                    const std::function<void()>& body) {
          const detail::tsan::tasks_of_batch here(this);
          around(context, body);
        };
      }
    }
    return std::move(options);
  }

  detail::task_scope_engine core_;
};

}  // namespace fanout
