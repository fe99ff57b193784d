#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "handles.hpp"
#include "items.hpp"
#include "payload.hpp"
#include "plan.hpp"
#include "record.hpp"
#include "rules.hpp"
#include "scope_call.hpp"
#include "stream_call.hpp"
#include "tasks.hpp"
#include "world.hpp"

/// The calls of a batch, of which the plan names one.
namespace stress {

class batch_calls : public running_batch {
 public:
  batch_calls(std::shared_ptr<const batch_plan> plan, world& shared_world, running_batch* outer,
            const fanout::task_context* context)
      : running_batch(std::move(plan), shared_world, outer, context != nullptr ? context->index() : 0) {
    options_.concurrency = what.limit;
    options_.on_error = what.on_error;
    options_.timeout = what.timeout;
    options_.task_timeout = what.task_timeout;
    options_.seed = what.size;
    make_unequal();
    options_.stop_when = rule_of(what.stop_when);
    options_.progress_interval = what.callback.interval;
    if (what.flaw == flaw::limit_of_zero) options_.concurrency = 0;
    if (what.flaw == flaw::limit_too_large) options_.concurrency = fanout::max_concurrency() + 1;
    if (what.token == token::outer_context) options_.stop = context->stop_token();
    if (what.token == token::own || what.token == token::requested) options_.stop = own_stop.get_token();
    if (what.token == token::requested) own_stop.request_stop();
    if (what.callback.wanted)
      options_.on_progress = [this](std::size_t completed, std::size_t total) { on_progress(completed, total); };
    if (what.around != around_use::none)
      options_.around = [this](const auto& task_context, const auto& body) { around(task_context, body); };
    record_.was_stopped_before = options_.stop.stop_requested();
  }

 protected:
  ~batch_calls() = default;

  /// Throws what the call throws.
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

 private:
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
      case call::first:
        return what.bare ? first<T>(tasks_for<bare_task<T>>()) : first<T>(tasks_for<task<T>>());
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

  template <class T, class Tasks>
  void first(const Tasks& tasks) {
    const auto result = executor ? executor->executor.first(tasks, options_)
                                 : fanout::first_in_parallel(tasks, options_);
    std::size_t of = result.index;
    if constexpr (!std::is_void_v<T>) of = index_of<T>(result.value, result.index);
    record_.first = handed_first{result.index, of};
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
    options.timeout = options_.timeout;
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
    using kind = handed_back::kind;
    const bool maps = what.size % 2 == 0;
    const auto outcomes = executor ? maps ? executor->executor.settle_map(tasks, run, options_)
                                          : executor->executor.settle(tasks, options_)
                          : maps   ? fanout::settle_map(tasks, run, options_)
                                   : fanout::settle_in_parallel(tasks, options_);
    for (const auto& each : outcomes) {
      if (each.cancelled()) {
        record_.results.push_back({kind::cancelled});
      } else if (each.has_value()) {
        note_value(index_of(*each, record_.results.size()));
      } else {
        const told_failure told = told_by(each.error());
        record_.results.push_back(
            {kind::failure, told.cause, attempts_at(each), told.cause_attempt, told.timed_out, told.refused});
      }
    }
  }

  template <class T>
  static unsigned attempts_at(const fanout::outcome<T>& failed) {
    try {
      static_cast<void>(failed.value());
      return 0;
    } catch (const fanout::task_error& error) {
      return error.attempts();
    }
  }

  void make_unequal() {
    const inequality& unequal = what.unequal;
    if (unequal.priority != priority_use::none)
      options_.priority = [&unequal](std::size_t index) { return priority_of(unequal.priority, index); };
    options_.admit = admission.options();
    options_.retry = admission.retry();
    const auto too_high = [this](std::size_t index) { return index == what.size / 2 ? shared_budgets[0] + 1 : 0; };
    const auto nothing = [](std::size_t /*index*/) { return std::uint64_t{0}; };
    if (what.flaw == flaw::cost_too_high) options_.admit.push_back(shared.budgets[0].budget.by(too_high));
    if (what.flaw == flaw::budget_twice) options_.admit.insert(options_.admit.end(), 2, shared.budgets[1].budget.by(nothing));
    if (what.flaw == flaw::bad_pause) options_.retry = {.again = 1, .pause = std::chrono::nanoseconds(-1)};
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

 protected:
  fanout::run_options options_;
  batch_record record_;
  std::optional<stream_reader> reader_;
  std::optional<scope_user> adder_;

 private:
  handle_user user_{what, seen, record_.handle};
};

}  // namespace stress
