#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "calls/proxies.hpp"
#include "fanout/fanout.hpp"

// What the calls accept, asked by `requires`: a call with something else is no error inside the library, but does not exist.
namespace {

using fanout::executor;
using fanout::task_context;

template <class Range>
concept executes = requires(Range& tasks, const executor& on) {
  fanout::execute_in_parallel(tasks);
  fanout::execute_in_parallel(tasks, {.concurrency = 2});
  fanout::execute_in_parallel(tasks, 2);
  fanout::execute_in_parallel_with_progress(tasks, 2, [](std::size_t, std::size_t) {});
  on.execute(tasks);
  on.execute(tasks, 2);
};
template <class Range>
concept settles = requires(Range& tasks, const executor& on) {
  fanout::settle_in_parallel(tasks);
  on.settle(tasks, {.concurrency = 2});
};
template <class Range, class Options>
concept executes_with = requires(Range& tasks, const Options& options) { fanout::execute_in_parallel(tasks, options); };

template <class F, class Items = std::vector<std::string>>
concept maps = requires(Items& items, F& mapper, const executor& on) {
  fanout::map_in_parallel(items, mapper);
  fanout::map_in_parallel(items, mapper, 2);
  fanout::settle_map(items, mapper);
  fanout::settle_map(items, mapper, {.concurrency = 2});
  on.map(items, mapper);
  on.settle_map(items, mapper, 2);
};
template <class Output, class F = int (*)(int)>
concept maps_into = requires(Output&& out, F& mapper, const executor& on) {
  fanout::map_in_parallel_into(std::forward<Output>(out), 3, mapper);
  on.map_into(out, 3, mapper, 2);
};
template <class F, class Number = int>
concept runs_ranges = requires(Number count, F& function, const executor& on) {
  fanout::for_each_range(count, function);
  on.for_each_range(count, function, 2);
};
template <class F>
concept invokes = requires(F& function, const executor& on, fanout::run_options options) {
  fanout::invoke_in_parallel(function, function);
  fanout::invoke_in_parallel(options, function);
  on.invoke(function);
  on.invoke({.concurrency = 2}, function);
};
template <class Task>
concept executes_with_a_pool = requires(std::vector<Task>& tasks, fanout::resource_pool<int>& pool, const executor& on) {
  fanout::execute_with_pool(tasks, pool);
  on.execute_with_pool(tasks, pool);
};
template <class F>
concept maps_with_a_pool = requires(std::vector<int>& items, F& mapper, fanout::resource_pool<int>& pool, const executor& on) {
  fanout::map_with_pool(items, pool, mapper);
  fanout::map_with_pool(3, pool, mapper);
  on.map_with_pool(items, pool, mapper);
};

struct immovable {
  immovable() noexcept(false) {}
  immovable(immovable&&) = delete;
};

static_assert(executes<std::vector<std::function<int()>>> && settles<std::vector<std::function<int()>>>);
static_assert(executes<std::list<void (*)(const task_context&)>> && settles<std::list<void (*)(const task_context&)>>);
static_assert(executes<std::vector<std::atomic<int> (*)()>>);  // made where it stays
static_assert(!executes<int> && !settles<int>);
static_assert(!executes<std::vector<int>> && !settles<std::vector<int>>);
static_assert(!executes<std::vector<int (*)(int)>> && !settles<std::vector<int (*)(int)>>);
static_assert(!executes<std::vector<int& (*)()>> && !settles<std::vector<int& (*)()>>);
static_assert(!executes<std::vector<immovable (*)()>>);

// Items that would have to be stored and cannot be.
struct single_pass {
  struct iterator {
    using value_type = std::unique_ptr<int>;
    using difference_type = std::ptrdiff_t;
    std::unique_ptr<int>& operator*() const { return *item; }
    iterator& operator++() { return *this; }
    void operator++(int) {}
    bool operator==(std::default_sentinel_t) const { return true; }
    std::unique_ptr<int>* item = nullptr;
  };
  static iterator begin() { return {}; }
  static std::default_sentinel_t end() { return {}; }
};
static_assert(!maps<int (*)(std::unique_ptr<int>&), single_pass>);

using actions = std::vector<void (*)()>;
enum some_number { two = 2 };
enum class other_number { two = 2 };
enum flag : bool { yes = true };
static_assert(executes_with<actions, fanout::run_options> && executes_with<actions, int> && executes_with<actions, char>);
static_assert(executes_with<actions, unsigned long long> && executes_with<actions, some_number>);
static_assert(executes_with<actions, fanout::concurrency_limit>);
static_assert(!executes_with<actions, bool> && !executes_with<actions, double> && !executes_with<actions, other_number>);
static_assert(!executes_with<actions, flag>);
#ifdef __SIZEOF_INT128__
__extension__ using wide = __int128;
static_assert(!executes_with<actions, wide> && !maps<int (*)(int), wide>);
#endif
static_assert(!executes_with<actions, std::string> && !executes_with<actions, int*>);

static_assert(maps<int (*)(std::string&)> && maps<void (*)(const std::string&, const task_context&)>);
static_assert(maps<int (*)(long), int> && maps<int (*)(long), const std::size_t>);
static_assert(!maps<int (*)(int)> && !maps<int> && !maps<int& (*)(std::string&)> && !maps<immovable (*)(std::string&)>);
static_assert(!maps<int (*)(int), bool> && !maps<int (*)(int), double> && !maps<int (*)(std::string), int>);

// References that are objects. A mapper gets them as they are, except those to bits.
using bits = std::vector<bool>;
using proxies = support::seen_through_proxies;
using numbers_and_bits = support::zipped<int, bool>;
using numbers_and_longs = support::zipped<int, long>;
static_assert(maps<int (*)(bool), bits> && maps<int (*)(bool&), bits> && maps<int (*)(const bool&), bits>);
static_assert(!maps<int (*)(bits::reference), bits> && !maps<int (*)(bool&&), bits>);
static_assert(maps<int (*)(bool), const bits> && !maps<int (*)(bits::reference), const bits>);
static_assert(maps<int (*)(int), proxies> && maps<int (*)(support::proxy), proxies> && !maps<int (*)(int&), proxies>);
static_assert(maps<int (*)(std::tuple<int&, long&>), numbers_and_longs>);
static_assert(maps<int (*)(std::tuple<int, long>), numbers_and_longs>);
static_assert(!maps<int (*)(std::tuple<int, long>&), numbers_and_longs>);
static_assert(!maps<int (*)(std::tuple<int, bool>), numbers_and_bits>);
static_assert(!maps<int (*)(std::pair<bits::reference, int>), std::vector<std::pair<bits::reference, int>>>);

// Items that can be read only once belong to the mapper.
using numbers_read_once = support::read_once<std::vector<int>&>;
static_assert(maps<int (*)(int), numbers_read_once> && maps<int (*)(int&&), numbers_read_once>);
static_assert(!maps<int (*)(int&), numbers_read_once>);
static_assert(maps<int (*)(const int&), support::read_once<const std::vector<int>&>>);
static_assert(maps<int (*)(std::tuple<int, bool>), support::read_once<numbers_and_bits>>);
static_assert(!maps<int (*)(std::tuple<int, bool>&), support::read_once<numbers_and_bits>>);

static_assert(maps_into<std::vector<int>&> && maps_into<std::span<long>> && maps_into<std::vector<double>&>);
static_assert(!maps_into<std::vector<int>>);         // gone when the call returns
static_assert(!maps_into<const std::vector<int>&>);  // nothing can be written
static_assert(!maps_into<std::vector<bool>&>);       // bits
static_assert(!maps_into<std::list<int>&> && !maps_into<int&>);
static_assert(!maps_into<std::vector<std::string>&, void* (*)(int)> && !maps_into<std::vector<int>&, void (*)(int)>);

static_assert(runs_ranges<void (*)(int, int)> && runs_ranges<void (*)(long, long, const task_context&)>);
static_assert(runs_ranges<void (*)(std::size_t, std::size_t), std::size_t>);
constexpr auto sum = [](auto&&... each) { return (each + ...); };
static_assert(runs_ranges<decltype(sum)>);
static_assert(!runs_ranges<void (*)(int)> && !runs_ranges<void (*)(int, int), bool> && !runs_ranges<void (*)(int, int), double>);

static_assert(invokes<int (*)()> && invokes<std::function<void(const task_context&)>>);
static_assert(!invokes<int (*)(int)> && !invokes<int& (*)()> && !invokes<int> && !invokes<std::mutex (*)()>);

static_assert(executes_with_a_pool<int (*)(int&)> && executes_with_a_pool<void (*)(int&, const task_context&)>);
static_assert(!executes_with_a_pool<int (*)()> && !executes_with_a_pool<int& (*)(int&)>);
static_assert(maps_with_a_pool<int (*)(int, int&)> && maps_with_a_pool<void (*)(int, int&, const task_context&)>);
static_assert(!maps_with_a_pool<int (*)(int)> && !maps_with_a_pool<int& (*)(int, int&)>);

TEST(Constraints, ChooseBetweenOverloads) {
  const auto run = [](auto&& given) {
    if constexpr (requires { fanout::execute_in_parallel(given); }) {
      return fanout::execute_in_parallel(given).size();
    } else {
      return std::size_t{77};
    }
  };
  EXPECT_EQ(run(std::vector<int (*)()>(3, [] { return 1; })), 3U);
  EXPECT_EQ(run(std::vector<int>(3)), 77U);
}

}  // namespace
