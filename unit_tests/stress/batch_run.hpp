#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "handles.hpp"
#include "items.hpp"
#include "model.hpp"
#include "observer.hpp"
#include "occupation.hpp"
#include "payload.hpp"
#include "plan.hpp"
#include "scope_call.hpp"
#include "stream_call.hpp"
#include "tasks.hpp"
#include "world.hpp"

/// Runs the batch of a plan, and lets the model check what happened.
namespace stress {

class batch_run final : public running_batch {
 public:
  /// `outer`: the batch in whose task this runs, with the context of that task; null outside of all batches.
  static void run(std::shared_ptr<const batch_plan> plan, world& shared, running_batch* outer,
                  const fanout::task_context* context) {
    const auto batch = std::make_shared<batch_run>(std::move(plan), shared, outer, context);
    batch->run();
    shared.bury(std::shared_ptr<const observer>(batch, &batch->seen));
  }

  batch_run(std::shared_ptr<const batch_plan> plan, world& shared_world, running_batch* outer,
            const fanout::task_context* context)
      : running_batch(std::move(plan), shared_world, outer) {
    options_.concurrency = what.limit;
    options_.on_error = what.on_error;
    options_.progress_interval = what.callback.interval;
    if (what.flaw == flaw::limit_of_zero) options_.concurrency = 0;
    if (what.flaw == flaw::limit_too_large) options_.concurrency = fanout::max_concurrency() + 1;
    if (what.token == token::outer_context) options_.stop = context->stop_token();
    if (what.token == token::own || what.token == token::requested) options_.stop = own_stop.get_token();
    if (what.token == token::requested) own_stop.request_stop();
    if (what.callback.wanted)
      options_.on_progress = [this](std::size_t completed, std::size_t total) { on_progress(completed, total); };
    record_.was_stopped_before = options_.stop.stop_requested();
  }

 private:
  void run() {
    find_executors();
    {
      const std::unique_ptr<occupation> others = occupied_by_others();
      const std::jthread stopper = stop_from_outside();
      call_and_note_the_ending();
      seen.close();
      if (others != nullptr) record_.held_up_by_others = others->lasted_for_its_time();
    }
    if (executor != nullptr) use_again();
    fill_record();
    if (what.place == place::passed_on_executor) shared.passed_on.leave(std::move(own_executor_));
    shared.count(record_);
    shared.report(what, model::violations(record_));
  }

  void find_executors() {
    own_executor_ = shared.executor_of_its_own(what);
    executor = own_executor_.get();
    if (what.place == place::shared_executor) executor = shared.executors[what.executor].get();
    if (what.has(action::loop) && what.loop.executor != 0)
      executor_of_loops_ = std::make_unique<measured_executor>(what.loop.executor, false);
    called_in_loops = executor_of_loops_ != nullptr ? executor_of_loops_.get() : executor;
  }

  /// Occupies the batch's executor: until the call has returned, if its stop is requested before, otherwise briefly.
  std::unique_ptr<occupation> occupied_by_others() {
    if (!what.occupied) return nullptr;
    std::chrono::nanoseconds time = std::chrono::milliseconds(3);
    if (record_.was_stopped_before) time = support::patience;
    return std::make_unique<occupation>(*executor, time);
  }

  /// A thread that requests the stop after a while, unless the batch has ended by then.
  std::jthread stop_from_outside() {
    if (what.stop_from_outside.count() == 0) return {};
    return std::jthread([this](const std::stop_token& over) {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      never.wait_for(lock, over, what.stop_from_outside, [] { return false; });
      if (!over.stop_requested()) request_stop();
    });
  }

  /// Batches in each other, and those of other threads, round in other directions.
  void call_and_note_the_ending() {
    const support::rounding here(support::directions_of_rounding[what.size % 4]);
    seen.note_rounding();
    try {
      call_with_result();
      record_.how = ending::returned;
    } catch (const fanout::task_error& error) {
      record_.how = ending::task_error;
      tell({error});
    } catch (const fanout::aggregate_error& error) {
      record_.how = ending::aggregate_error;
      tell(error.errors());
    } catch (const fanout::operation_cancelled& error) {
      record_.how = ending::cancelled;
      record_.told_completed = error.completed();
      record_.told_total = error.total();
      tell(error.errors());
    } catch (const callback_failure&) {
      record_.how = ending::callback_error;
    } catch (const source_failure&) {
      record_.how = ending::source_error;
    } catch (const stream_left&) {
      record_.how = ending::left;
    } catch (const handle_dropped&) {
      record_.how = ending::dropped;
    } catch (const std::invalid_argument&) {
      record_.how = ending::refused;
    } catch (const std::exception& error) {
      record_.how = ending::unexpected;
      record_.unexpected = error.what();
    }
  }

  void tell(const std::vector<fanout::task_error>& errors) {
    for (const fanout::task_error& each : errors)
      record_.told.push_back({each.index(), index_of_cause(each.nested_ptr())});
  }

  void call_with_result() {
    switch (what.result) {
      case result::nothing:
        return call_with<void>();
      case result::number:
        return call_with<long>();
      case result::flag:
        return call_with<bool>();
      case result::tracked:
        return call_with<tracked>();
      case result::tracked_default:
        return call_with<tracked_default>();
    }
  }

  template <class T>
  void call_with() {
    constexpr bool usual = std::is_same_v<T, long> || std::is_same_v<T, tracked>;
    switch (what.call) {
      case call::execute:
        return what.bare ? execute(tasks_for<bare_task<T>>()) : execute(functions<T>());
      case call::map:
        return map<T>();
      case call::settle:
        if constexpr (usual) settle(tasks_for<task<T>>());
        return;
      case call::with_pool:
        if constexpr (usual) with_pool(tasks_for<pooled_task<T>>());
        return;
      case call::invoke:
        if constexpr (std::is_same_v<T, tracked>) invoke();
        return;
      case call::stream:
        if constexpr (!std::is_void_v<T>) stream<T>();
        return;
      case call::scope:
        return scope<T>();
    }
  }

  template <class Task>
  std::vector<Task> tasks_for() {
    std::vector<Task> tasks;
    tasks.reserve(what.size);
    for (std::size_t index = 0; index != what.size; ++index) tasks.push_back({this, index});
    return tasks;
  }

  template <class T>
  std::vector<std::function<T(const fanout::task_context&)>> functions() {
    const std::vector<task<T>> tasks = tasks_for<task<T>>();
    std::vector<std::function<T(const fanout::task_context&)>> all(tasks.begin(), tasks.end());
    if (what.flaw == flaw::empty_task) all[what.size / 2] = nullptr;
    return all;
  }

  template <class Tasks>
  void execute(Tasks tasks) {
    if (what.is_submitted()) {
      const auto submit = [this]<class Range>(Range&& range) {
        return executor ? executor->executor.submit(std::forward<Range>(range), options_)
                        : fanout::submit(std::forward<Range>(range), options_);
      };
      return note([&] { return user_.use(submit_as(what.keeps, tasks, submit)); });
    }
    note([&] {
      return executor ? executor->executor.execute(tasks, options_) : fanout::execute_in_parallel(tasks, options_);
    });
  }

  template <class T>
  void map() {
    const auto map_items = [this]<class Items>(Items&& items, const auto& mapper) {
      if (what.is_submitted()) return submit_map(items, mapper);
      note([&] {
        return executor ? executor->executor.map(items, mapper, options_)
                        : fanout::map_in_parallel(items, mapper, options_);
      });
    };
    const auto map_with = [&](const auto& mapper) {
      if constexpr (std::is_same_v<T, long>) {
        if (what.size % 3 == 0 && !what.is_submitted()) return map_into(mapper);
      }
      if (what.size % 2 == 0) return map_items(what.size, mapper);
      map_items(std::views::iota(std::size_t{0}, what.size), mapper);
    };
    if (what.bare) return map_with([this](std::size_t index) { return bare_task<T>{this, index}(); });
    const auto map_marked = [&](auto&& items, const auto& mark) {
      map_items(items, [this, &mark](auto&& item, const fanout::task_context& context) {
        mark(item);
        return task<T>{this, context.index()}(context);
      });
    };
    if (what.size % 5 == 1) return marked_items(seen, what.size).as_bits(map_marked);
    if (what.size % 5 == 2) return marked_items(seen, what.size).as_proxies(map_marked);
    map_with([this](std::size_t index, const fanout::task_context& context) {
      return task<T>{this, index}(context);
    });
  }

  /// A range whose tasks write to its items is referred to; numbers and views are copied.
  template <class Items, class Mapper>
  void submit_map(Items& items, const Mapper& mapper) {
    const auto submit = [&]<class Range>(Range&& range) {
      return executor ? executor->executor.submit_map(std::forward<Range>(range), mapper, options_)
                      : fanout::submit_map(std::forward<Range>(range), mapper, options_);
    };
    note([&] {
      if constexpr (std::is_same_v<std::remove_const_t<Items>, std::vector<bool>>) {
        return user_.use(submit(std::ref(items)));
      } else {
        return user_.use(submit(items));
      }
    });
  }

  template <class Mapper>
  void map_into(const Mapper& mapper) {
    note([&] {
      std::vector<long> out(what.size);
      executor ? executor->executor.map_into(out, what.size, mapper, options_)
               : fanout::map_in_parallel_into(out, what.size, mapper, options_);
      return out;
    });
  }

  template <class Tasks>
  void with_pool(const Tasks& tasks) {
    std::optional<fanout::resource_pool<used>> own;
    if (what.pool != 0) own.emplace([] { return used(); }, what.pool);
    fanout::resource_pool<used>& pool = own ? *own : shared.pool;
    note([&] {
      return executor ? executor->executor.execute_with_pool(tasks, pool, options_)
                      : fanout::execute_with_pool(tasks, pool, options_);
    });
    if (own && own->in_use() != 0) seen.notice("resources are in use after the call");
  }

  void invoke() {
    using each = task<tracked>;
    const auto results = fanout::invoke_in_parallel(each{this, 0}, each{this, 1}, each{this, 2}, each{this, 3});
    static_assert(std::tuple_size_v<decltype(results)> == invoked_tasks);
    std::apply([this](const auto&... one) { (note_value(one.index()), ...); }, results);
    note_held<tracked>();
  }

  template <class T>
  void stream() {
    fanout::stream_options options{.concurrency = options_.concurrency, .ahead = what.stream.ahead};
    options.order = what.stream.as_completed ? fanout::delivery::as_completed : fanout::delivery::in_order;
    options.stop = options_.stop;
    reader_.emplace(what, seen, record_.stream.emplace(), record_.handle);
    const auto read = [&](auto mapper) {
      if constexpr (std::is_constructible_v<bool, decltype(mapper)>) {
        if (what.flaw == flaw::empty_task) mapper = nullptr;
      }
      reader_->read([&](stream_reader::source source) {
        return executor ? executor->executor.stream(std::move(source), mapper, options)
                        : fanout::stream_in_parallel(std::move(source), mapper, options);
      });
    };
    if (what.bare) return read([this](std::size_t item) { return bare_task<T>{this, item}(); });
    read(std::function<T(std::size_t, const fanout::task_context&)>(
        [this](std::size_t item, const fanout::task_context& context) { return task<T>{this, item}(context); }));
  }

  template <class T>
  void scope() {
    if (what.scope.max_pending != 0) options_.max_pending = what.scope.max_pending;
    if (what.flaw == flaw::empty_task) options_.max_pending = 0;
    adder_.emplace(*this, record_.scope.emplace(), record_.handle);
    adder_->use<T>([this] {
      return executor ? fanout::task_scope(executor->executor, options_) : fanout::task_scope(options_);
    });
  }

  template <class Tasks>
  void settle(const Tasks& tasks) {
    const auto run = [](const auto& each, const fanout::task_context& context) { return each(context); };
    const bool maps = what.size % 2 == 0;
    const auto outcomes = executor ? maps ? executor->executor.settle_map(tasks, run, options_)
                                          : executor->executor.settle(tasks, options_)
                          : maps   ? fanout::settle_map(tasks, run, options_)
                                   : fanout::settle_in_parallel(tasks, options_);
    using kind = handed_back::kind;
    for (const auto& each : outcomes) {
      if (each.cancelled()) {
        record_.results.push_back({kind::cancelled});
      } else if (each.has_value()) {
        note_value(index_of(*each, record_.results.size()));
      } else {
        record_.results.push_back({kind::failure, index_of_cause(each.error())});
      }
    }
  }

  template <class Call>
  void note(const Call& call) {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
    } else {
      const auto results = call();
      using value = typename std::remove_cvref_t<decltype(results)>::value_type;
      for (std::size_t place = 0; place != results.size(); ++place)
        note_value(index_of<value>(results[place], place));
      note_held<value>();
    }
  }

  void note_value(std::size_t of) { record_.results.push_back({handed_back::kind::value, of}); }

  template <class T>
  void note_held() {
    record_.counts_results = std::is_base_of_v<tracked, T>;
    record_.results_held = static_cast<std::size_t>(seen.results_alive.load());
  }

  /// Checks that the executor runs another batch, however this one ended.
  void use_again() {
    const auto doubled = executor->executor.map(std::views::iota(0, 3), [](int item) { return 2 * item; });
    if (doubled != std::vector{0, 2, 4}) seen.notice("the executor lost results of its next batch");
  }

  void fill_record() {
    record_.limit = what.runners();
    record_.meeting.expected = what.meeting();
    record_.on_error = what.on_error;
    record_.settles = what.call == call::settle;
    record_.returns_values = what.result != result::nothing && !what.grows();
    record_.input_is_bad = what.flaw != flaw::none;
    record_.has_token = what.token != token::none;
    record_.is_submitted = what.is_submitted();
    record_.stop_requested = options_.stop.stop_requested() || record_.handle.was_stopped;
    record_.reports_progress = what.callback.wanted;
    record_.interval = what.callback.interval;
    record_.caller = this_thread_number();
    if (executor != nullptr) record_.shared_limits.push_back(executor->use());
    if (what.has(action::loop)) record_.shared_limits.push_back(called_in_loops->use_in_loops());
    if (automatic_at_work != nullptr) {
      const auto most = static_cast<std::size_t>(automatic_at_work->most());
      record_.shared_limits.push_back({"automatic batches in each other", fanout::available_concurrency(), most});
    }
    seen.fill(record_);
    if (reader_) set_size(reader_->items_read());
    if (adder_) set_size(adder_->tasks_added());
  }

  /// If the tasks came one by one. Those that started without coming remain, for the model to see.
  void set_size(std::size_t size) {
    record_.size = size;
    while (record_.tasks.size() > size && record_.tasks.back().starts == 0) record_.tasks.pop_back();
  }

  fanout::run_options options_;
  std::unique_ptr<measured_executor> own_executor_;
  std::unique_ptr<measured_executor> executor_of_loops_;
  batch_record record_;
  handle_user user_{what, seen, record_.handle};
  std::optional<stream_reader> reader_;
  std::optional<scope_user> adder_;
};

inline void running_batch::run_inner(const fanout::task_context& context) {
  batch_run::run(std::shared_ptr<const batch_plan>(plan_, &what.inner.front()), shared, this, &context);
}

}  // namespace stress
