#include <fanout/fanout.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// A user's program that is compiled for ThreadSanitizer, with a library that is not. Everything in it is ordered by what
/// fanout promises, and by nothing else. With an argument it has a race, which the tool must still find.
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "wrong: %s\n", what);
  std::_Exit(1);
}

/// Long enough to be on the heap, so that it is allocated by one thread and freed by another.
std::string text_of(std::size_t number) { return std::to_string(number) + std::string(50, '.'); }

struct failure : std::runtime_error {
  explicit failure(std::size_t number) : runtime_error("failed"), text(std::make_shared<std::string>(text_of(number))) {}
  const char* what() const noexcept override { return text->c_str(); }
  std::shared_ptr<std::string> text;
};

// The caller's writes, the tasks' reads; the tasks' writes and results, the caller's reads.
void exchange_values(std::size_t limit) {
  std::vector<std::string> items;
  for (std::size_t i = 0; i != 200; ++i) items.push_back(text_of(i));
  std::vector<std::string> written(items.size());
  const auto results = fanout::map_in_parallel(
      std::views::iota(std::size_t{0}, items.size()),
      [&](std::size_t i) {
        written[i] = items[i] + "!";
        return items[i] + "?";
      },
      {.concurrency = limit});
  for (std::size_t i = 0; i != items.size(); ++i)
    require(written[i].back() == '!' && results[i].back() == '?', "a value");
  fanout::for_each_range(
      written.size(),
      [&](std::size_t first, std::size_t last) {
        for (; first != last; ++first) written[first] += '+';
      },
      {.concurrency = limit});
  for (const std::string& each : written) require(each.back() == '+', "a value of a loop");
  std::vector<std::function<std::string()>> tasks;
  for (std::size_t i = 0; i != 64; ++i) tasks.emplace_back([text = text_of(i)] { return text; });
  require(fanout::execute_in_parallel(std::move(tasks), {.concurrency = limit}).size() == 64, "the results of tasks");
}

void throw_errors(std::size_t limit) {
  const std::vector tasks(100, []() -> std::string { throw failure(7); });
  for (const auto policy : {fanout::error_policy::stop, fanout::error_policy::run_all}) {
    try {
      fanout::execute_in_parallel(tasks, {.concurrency = limit, .on_error = policy});
      require(false, "an exception");
    } catch (const fanout::error& caught) {
      require(std::string(caught.what()).find(text_of(7)) != std::string::npos, "the text of an exception");
    }
  }
  for (const auto& each : fanout::settle_in_parallel(tasks, limit)) require(each.error() != nullptr, "an outcome");
}

void report_progress(std::size_t limit) {
  std::vector<std::string> ended(300);
  std::vector<std::size_t> calls;
  std::size_t seen = 0;
  fanout::map_in_parallel(
      std::views::iota(std::size_t{0}, ended.size()), [&](std::size_t i) { ended[i] = text_of(i); },
      {.concurrency = limit, .on_progress = [&](std::size_t completed, std::size_t) {
         calls.push_back(completed);
         if (completed == ended.size())
           for (const std::string& each : ended) seen += each.empty() ? 0 : 1;
       }});
  require(calls.back() == ended.size() && seen == ended.size(), "the progress");
}

void stop(std::size_t limit) {
  std::stop_source source;
  std::vector<std::string> ended(300);
  try {
    fanout::map_in_parallel(
        std::views::iota(std::size_t{0}, ended.size()),
        [&](std::size_t i, const fanout::task_context& context) {
          if (i == 20) source.request_stop();
          if (!context.stop_token().stop_requested()) ended[i] = text_of(i);
        },
        {.concurrency = limit, .stop = source.get_token()});
  } catch (const fanout::operation_cancelled&) {
  }
  for (const std::string& each : ended) require(each.empty() || each.back() == '.', "a result before the stop");
}

// A callback runs on the thread that stops the batch, and its task goes on when it has ended.
void stop_with_callbacks(std::size_t limit) {
  const auto task = [](const fanout::task_context& context) {
    std::string mine = text_of(context.index());
    {
      const std::stop_callback on_stop(context.stop_token(), [&mine] { mine[0] = '-'; });
      if (context.index() == 20) throw failure(context.index());
      std::this_thread::yield();
    }
    require(mine.size() > 50, "a string that a callback changes");
  };
  try {
    fanout::execute_in_parallel(std::vector(300, task), {.concurrency = limit});
    require(false, "the failure");
  } catch (const fanout::task_error&) {
  }
  // The same where the engine finds between two tasks that it must stop.
  const std::vector tasks(300, task);
  const auto tell = [](std::size_t completed, std::size_t) {
    if (completed >= 10) throw failure(completed);
  };
  const auto around = [](const fanout::task_context& context, const std::function<void()>& body) {
    body();
    if (context.index() == 10) throw failure(context.index());
  };
  for (const fanout::run_options& options : {fanout::run_options{.concurrency = limit, .on_progress = tell},
                                             {.concurrency = limit, .stop_when = fanout::successes(10)},
                                             {.concurrency = limit, .around = around}}) {
    try {
      fanout::execute_in_parallel(tasks, options);
      require(false, "the stop");
    } catch (const std::exception&) {
    }
  }
}

struct resource {
  std::string log = text_of(0);
  std::size_t uses = 0;
};

void lend_resources(std::size_t limit) {
  for (const auto reuse : {fanout::pool_reuse::rotate, fanout::pool_reuse::most_recent}) {
    fanout::resource_pool<resource> pool([] { return resource(); }, 2,
                                         {.validate = [](resource& each) { return ++each.uses != 50; },
                                          .reset = [](resource& each) { each.log += '.'; },
                                          .reuse = reuse});
    const auto use = [](resource& each) {
      ++each.uses;
      each.log += text_of(each.uses);
    };
    fanout::map_with_pool(std::views::iota(0, 200), pool, [&](int, resource& each) { use(each); },
                          {.concurrency = limit});
    std::vector<std::jthread> threads;
    for (int i = 0; i != 3; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round != 100; ++round) use(*pool.acquire());
      });
    }
  }
}

void share_an_executor(std::size_t limit) {
  fanout::executor shared({.concurrency = limit});
  const auto inner = [&](std::size_t i) {
    const std::string mine = text_of(i);
    return shared.map(std::views::iota(std::size_t{0}, std::size_t{10}), [&](std::size_t j) { return mine + text_of(j); });
  };
  require(shared.map(std::views::iota(std::size_t{0}, std::size_t{20}), inner).back().size() == 10, "nested batches");
  std::vector<std::jthread> threads;
  for (int i = 0; i != 3; ++i) threads.emplace_back([&] { require(inner(3).size() == 10, "another caller's batch"); });
}

// Tasks that come one by one, from several threads and from tasks; what they wrote is read after join.
void take_tasks_one_by_one(std::size_t limit) {
  std::vector<std::string> written(300);
  std::size_t told = 0;
  {
    const auto tell = [&](std::size_t completed, std::size_t) { told = completed; };
    fanout::task_scope scope({.concurrency = limit, .on_progress = tell});
    std::vector<std::jthread> threads;
    for (std::size_t part = 0; part != 3; ++part) {
      threads.emplace_back([&, part] {
        for (std::size_t i = 0; i != 50; ++i) {
          std::string& mine = written[100 * part + i];
          std::string& other = written[100 * part + i + 50];
          mine = text_of(i);
          scope.add([&scope, &mine, &other, text = text_of(i)] {
            other = mine + text;
            scope.add([&other] { other += '!'; });
          });
        }
      });
    }
    threads.clear();
    scope.join();
  }
  require(told == 300, "the progress of a scope");
  for (std::size_t i = 0; i != 300; ++i) require(i % 100 < 50 || written[i].back() == '!', "a value of a scope");
}

void end_scopes_early(std::size_t limit) {
  std::vector<std::string> written(20);
  fanout::task_scope failing({.concurrency = limit, .on_error = fanout::error_policy::run_all, .max_pending = 3});
  for (std::size_t i = 0; i != written.size(); ++i) {
    failing.add([&written, i] {
      written[i] = text_of(i);
      if (i % 4 == 0) throw failure(i);
    });
  }
  try {
    failing.join();
    require(false, "failures of a scope");
  } catch (const fanout::aggregate_error& e) {
    const std::string second = e.errors().at(1).what();
    require(e.errors().size() == 5 && second.find(text_of(4)) != std::string::npos, "a failure of a scope");
  }
  require(written.back() == text_of(19), "what a task wrote that failed");
  fanout::task_scope dropped({.concurrency = limit});
  for (std::size_t i = 0; i != written.size(); ++i) dropped.add([text = text_of(i), &to = written[i]] { to = text; });
}

// What was written before `submit` is read by the tasks, and what they write by who has seen the end, however it was seen.
void submit_batches(std::size_t limit) {
  fanout::executor executor({.concurrency = limit});
  for (int way = 0; way != 8; ++way) {
    std::vector<std::string> items;
    for (std::size_t i = 0; i != 100; ++i) items.push_back(text_of(i));
    std::vector<std::string> written(items.size());
    const auto mapper = [&](std::size_t i) {
      written[i] = items[i] + "!";
      return items[i] + "?";
    };
    const auto submit = [&](const fanout::run_options& options = {}) {
      return way % 2 == 0 ? fanout::submit_map(items.size(), mapper, {.concurrency = limit, .stop = options.stop})
                          : executor.submit_map(items.size(), mapper, options);
    };
    fanout::batch<std::string> handle = submit();
    if (way / 2 == 0) handle.wait();
    if (way / 2 == 1)
      while (!handle.ready()) static_cast<void>(handle.progress());
    if (way / 2 == 2)
      while (!handle.wait_for(std::chrono::milliseconds(1))) continue;
    if (way / 2 == 3) std::jthread([&] { handle.wait(); }).join();
    if (way / 2 != 3)
      for (const std::string& each : written) require(each.back() == '!', "a value of a submitted batch");
    require(handle.get().size() == items.size(), "the results of a submitted batch");
    for (const std::string& each : written) require(each.back() == '!', "a value of a submitted batch");

    { const auto dropped = submit(); }
    for (std::string& each : written) each = "after";
    std::stop_source source;
    auto stopped = submit({.stop = source.get_token()});
    std::jthread stopping([&] { way % 4 < 2 ? stopped.request_stop() : static_cast<void>(source.request_stop()); });
    try {
      require(stopped.get().size() == items.size(), "the results of a batch that was stopped too late");
    } catch (const fanout::operation_cancelled&) {
    }
    stopping.join();
    auto failing = fanout::submit_map(10, [](int) { throw failure(7); }, limit);
    try {
      failing.get();
      require(false, "an exception of a submitted batch");
    } catch (const fanout::task_error& caught) {
      require(std::string(caught.what()).find(text_of(7)) != std::string::npos, "the text of an exception");
    }
  }
}

// Handles go from thread to thread, and end on any.
void pass_handles(std::size_t limit) {
  for (int round = 0; round != 10; ++round) {
    std::vector<fanout::batch<std::string>> handles;
    for (std::size_t i = 0; i != 20; ++i)
      handles.push_back(fanout::submit_map(3, [text = text_of(i)](int) { return text; }, limit));
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i != 3; ++i) {
      threads.emplace_back([mine = std::move(handles[i])]() mutable { require(mine.get().size() == 3, "a passed handle"); });
      threads.emplace_back([mine = std::move(handles[i + 3])] { while (!mine.ready()) std::this_thread::yield(); });
    }
    for (std::size_t i = 6; i != 20; ++i) {
      if (i % 3 == 0) handles[i].wait();
      if (i % 3 == 1)
        while (!handles[i].ready()) std::this_thread::yield();
    }
    handles.clear();
  }
}

// The source is read by one worker after another; results go to the reader, and what was not delivered to whoever
// ends the stream. The workers come and go, because the reader is late now and then.
void stream_results(std::size_t limit) {
  const fanout::executor executor({.concurrency = limit});
  for (int way = 0; way != 4; ++way) {
    std::string last;
    auto lines = fanout::from_callable([&last, i = std::size_t{0}]() mutable -> std::optional<std::string> {
      if (i == 300) return std::nullopt;
      last = text_of(i++);
      return last;
    });
    const auto mapper = [](const std::string& line) {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      return line + "!";
    };
    std::stop_source source;
    const fanout::stream_options options{
        .concurrency = limit, .ahead = 5, .order = fanout::delivery(way % 2), .stop = source.get_token()};
    auto results =
        way < 2 ? fanout::stream_in_parallel(lines, mapper, options) : executor.stream(lines, mapper, options);
    std::size_t seen = 0;
    for (auto& each : results) {
      require(each.back() == '!', "a result of a stream");
      each += text_of(seen);
      if (++seen % 30 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    require(seen == 300 && last == text_of(299), "the end of a stream");
    { auto left = fanout::stream_in_parallel(std::views::iota(std::size_t{0}), text_of, options); }
    auto stopped = fanout::stream_in_parallel(std::views::iota(std::size_t{0}), text_of, options);
    const std::jthread stopping([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      source.request_stop();
    });
    try {
      for (const auto& each : stopped) require(each.back() == '.', "a result before the stop");
      require(false, "a stop of a stream");
    } catch (const fanout::operation_cancelled&) {
    }
  }
}

// A stop may come from another thread, and the caller uses its stack again at once.
[[gnu::noinline]] void use_the_stack(int depth) {
  volatile char room[200] = {};
  for (volatile char& each : room) each = 1;
  if (depth != 0) use_the_stack(depth - 1);
  for (volatile char& each : room) each = 2;
}

template <class Run>
void end_early(const Run& run) {
  try {
    run();
  } catch (const fanout::operation_cancelled&) {
  }
  use_the_stack(200);
}

void run_until_stopped(int way, const fanout::executor& executor, const fanout::run_options& options) {
  const auto task = [](const fanout::task_context& context) {
    std::string mine = text_of(context.index());
    {
      const std::stop_callback on_stop(context.stop_token(), [&mine] { mine[0] = '-'; });
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    require(mine.size() > 50, "a string that a callback changes");
  };
  constexpr std::size_t count = 300;
  const std::vector tasks(count, task);
  const auto add_to = [&](fanout::task_scope& scope) {
    for (std::size_t i = 0; i != count; ++i) scope.add(task);
  };
  switch (way) {
    case 0: return static_cast<void>(fanout::execute_in_parallel(tasks, options));
    case 1: return static_cast<void>(executor.execute(tasks, options));
    case 2:
      return static_cast<void>(executor.execute(std::vector(4, [&] {
        end_early([&] { executor.execute(tasks, options); });
      })));
    case 3: return fanout::submit(tasks, options).get();
    case 4: return executor.submit(tasks, options).get();
    case 5: {
      const auto dropped = fanout::submit(tasks, options);
      return std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    case 6: {
      fanout::task_scope scope(options);
      add_to(scope);
      return scope.join();
    }
    case 7: {
      fanout::task_scope scope(executor, options);
      add_to(scope);
      return scope.join();
    }
    default: {
      fanout::task_scope dropped(options);
      add_to(dropped);
    }
  }
}

// The thread that requests the stop may be the last that has the source, or leave that to the library.
void stop_from_outside(std::size_t limit) {
  const fanout::executor executor({.concurrency = limit});
  const auto time = std::chrono::microseconds(500);
  for (int way = 0; way != 9; ++way) {
    for (int round = 0; round != 2; ++round) {
      const auto timeout = round == 0 ? fanout::no_limit : std::chrono::nanoseconds(2 * time);
      std::stop_source source;
      const std::jthread stopping([&] {
        std::this_thread::sleep_for(time);
        source.request_stop();
      });
      end_early([&] {
        run_until_stopped(way, executor, {.concurrency = limit, .stop = source.get_token(), .timeout = timeout});
      });
    }
    end_early([&] {
      std::stop_source source;
      fanout::run_options options{.concurrency = limit, .stop = source.get_token()};
      std::thread([time, passed = std::move(source)]() mutable {
        const std::stop_source mine = std::exchange(passed, std::stop_source(std::nostopstate));
        std::this_thread::sleep_for(time);
        mine.request_stop();
      }).detach();
      run_until_stopped(way, executor, std::move(options));
    });
    end_early([&] { run_until_stopped(way, executor, {.concurrency = limit, .timeout = time}); });
  }
}

// A function around each task. What it did is read by the last call of the progress callback, and by the caller.
void work_around(std::size_t limit) {
  for (const bool in_scope : {false, true}) {
    std::vector<std::string> written(20);
    std::size_t seen = 0;
    std::string given = text_of(limit);
    const fanout::run_options options{
        .concurrency = limit,
        .on_progress =
            [&](std::size_t completed, std::size_t) {
              if (completed != written.size()) return std::this_thread::sleep_for(std::chrono::milliseconds(1));
              for (const std::string& each : written) seen += each.empty() ? 0 : 1;
            },
        .around =
            [&](const fanout::task_context& context, const std::function<void()>& body) {
              const std::string mine = given + text_of(context.index());
              body();
              written[context.index()] = mine;
              std::this_thread::sleep_for(std::chrono::microseconds(20));
            }};
    if (in_scope) {
      fanout::task_scope scope(options);
      for (std::size_t i = 0; i != written.size(); ++i) scope.add([i] { return text_of(i); });
      scope.join();
    } else {
      fanout::map_in_parallel(written.size(), text_of, options);
    }
    require(seen == written.size(), "what was done around the tasks");
    for (std::string& each : written) each += given;
    given = "after";
  }
}

// A rule that decides who may start has a state of its own, which one thread of the batch at a time uses, and the caller
// when the batch has ended. So have what a retry asks, for one task after another, and the costs and priorities.
void ask_rules(std::size_t limit) {
  const fanout::executor executor({.concurrency = limit});
  for (const bool on_executor : {false, true}) {
    std::string asked = "asked:";
    std::size_t times = 0;
    std::string ranked;
    const fanout::resource_budget budget(2);
    const fanout::run_options options{
        .concurrency = limit,
        .priority =
            [&](std::size_t index) {
              ranked += text_of(index);
              return static_cast<std::int64_t>(index % 3);
            },
        .admit = {fanout::admission([&](std::size_t index) {
                    asked += text_of(index);
                    return ++times % 3 == 0 ? fanout::admission_answer::not_yet(std::chrono::milliseconds(1))
                                                 : fanout::admission_answer::yes();
                  }),
                  budget.by([](std::size_t index) { return index % 2 + 1; }),
                  fanout::rate_limit(20, std::chrono::milliseconds(1))},
        .retry = {.again = 1}};
    std::vector<std::string> before(30);
    const auto mapper = [&](std::size_t index, const fanout::task_context& context) {
      if (context.attempt() == 1 && index % 4 == 0) {
        before[index] = text_of(index);
        throw std::runtime_error("the first attempt");
      }
      return before[index] + text_of(index);
    };
    const auto results = on_executor ? executor.map(before.size(), mapper, options)
                                     : fanout::map_in_parallel(before.size(), mapper, options);
    require(results.size() == before.size() && results[0] == text_of(0) + text_of(0), "the results of unequal tasks");
    asked += ranked;
    require(asked.size() > 30, "what the rules were asked");
  }
}

// ── Races ───────────────────────────────────────────────────────────────────────────────────────────────────────

int shared = 0;

[[gnu::noinline]] void write_of_a_task() { ++shared; }

/// Returns when so many threads have called it.
void meet(std::atomic<std::size_t>& missing) {
  missing.fetch_sub(1, std::memory_order_relaxed);
  while (missing.load(std::memory_order_relaxed) != 0) std::this_thread::yield();
}

void race_of_two_tasks_of_a_scope() {
  std::atomic<std::size_t> missing = 2;
  fanout::task_scope scope({.concurrency = 2});
  for (int i = 0; i != 2; ++i) {
    scope.add([&] {
      meet(missing);
      write_of_a_task();
    });
  }
  scope.join();
}

void race_of_two_tasks(std::size_t limit) {
  std::atomic<std::size_t> missing = 2;
  fanout::execute_in_parallel(std::vector(2,
                                          [&] {
                                            meet(missing);
                                            write_of_a_task();
                                          }),
                              limit);
}

// What the submitter does before it has seen the end is not ordered with the tasks.
void race_with_the_submitter() {
  std::atomic<bool> written = false;
  auto handle = fanout::submit_map(1, [&](int) {
    write_of_a_task();
    written.store(true, std::memory_order_relaxed);
  });
  while (!written.load(std::memory_order_relaxed)) std::this_thread::yield();
  write_of_a_task();
  handle.get();
}

// A worker of a stream hands its notes to the next thread, also to a reader that works in a task of the executor.
void read_streams(std::size_t limit) {
  const fanout::executor executor({.concurrency = limit});
  std::vector<std::string> items;
  for (std::size_t i = 0; i != 100; ++i) items.push_back(text_of(i));
  const auto mapper = [](const std::string& each) { return each + "!"; };
  const auto read = [&](auto stream) {
    std::size_t count = 0;
    for (const std::string& each : stream) {
      require(each.back() == '!', "a result of a stream");
      ++count;
    }
    require(count == items.size(), "the results of a stream");
  };
  read(fanout::stream_in_parallel(items, mapper, limit));
  read(executor.stream(items, mapper));
  executor.execute(std::vector(3, [&] { read(executor.stream(items, mapper)); }));
}

// The first that the program does with fanout, on several threads at once.
void begin_beside_each_other() {
  std::vector<fanout::batch<std::string>> handles;
  for (int i = 0; i != 8; ++i) handles.push_back(fanout::submit_map(std::size_t{20}, text_of, 2));
  for (auto& each : handles) require(each.get().size() == 20, "the results of the first batches");
  std::vector<std::jthread> threads;
  for (int i = 0; i != 4; ++i) {
    threads.emplace_back([i] {
      std::this_thread::sleep_for(std::chrono::milliseconds(i));
      fanout::map_in_parallel(20, [](int each) { return each; }, {.concurrency = 2, .timeout = std::chrono::hours(1)});
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "race_of_the_submitter") {
    for (int round = 0; round != 20; ++round) race_with_the_submitter();
    return 0;
  }
  if (argc > 1) {
    for (int round = 0; round != 20; ++round) *argv[1] == 's' ? race_of_two_tasks_of_a_scope() : race_of_two_tasks(2);
    return 0;
  }
  begin_beside_each_other();
  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{4}, fanout::automatic}) {
    for (int round = 0; round != 5; ++round) {
      exchange_values(limit);
      throw_errors(limit);
      report_progress(limit);
      stop(limit);
      stop_with_callbacks(limit);
      lend_resources(limit);
      share_an_executor(limit);
      take_tasks_one_by_one(limit);
      end_scopes_early(limit);
      submit_batches(limit);
      pass_handles(limit);
      stream_results(limit);
      read_streams(limit);
      stop_from_outside(limit);
      work_around(limit);
      ask_rules(limit);
    }
  }
}
