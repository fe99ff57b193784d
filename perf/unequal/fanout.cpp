#include <fanout/fanout.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "competitors/fanout.hpp"
#include "unequal/question.hpp"

namespace {

/// An executor whose batches have these options.
template <class Options>
class fanout_with {
 public:
  static constexpr const char* name = Options::name;

  explicit fanout_with(std::size_t concurrency) : executor_({.concurrency = concurrency}) {}

  template <class Task>
  auto map(std::size_t size, const Task& task) {
    return executor_.map(size, task, options_.make());
  }
  template <class Body>
  void run(std::size_t size, const Body& body) {
    executor_.map(size, [&body](std::size_t i) { body(i); }, options_.make());
  }

 private:
  Options options_{};
  fanout::executor executor_;
};

struct priority {
  static constexpr const char* name = "fanout_priority";
  fanout::run_options make() const {
    return {.priority = [](std::size_t index) { return static_cast<std::int64_t>(index & 7U); }};
  }
};

struct budget {
  static constexpr const char* name = "fanout_budget";
  fanout::run_options make() const {
    return {.admit = {memory.by([](std::size_t) { return std::uint64_t{1}; })}};
  }
  fanout::resource_budget memory{64};
};

struct retry {
  static constexpr const char* name = "fanout_retry";
  fanout::run_options make() const { return {.retry = {.again = 1}}; }
};

struct all {
  static constexpr const char* name = "fanout_all_three";
  fanout::run_options make() const {
    fanout::run_options options = priority().make();
    options.admit = {memory.by([](std::size_t) { return std::uint64_t{1}; })};
    options.retry.again = 1;
    return options;
  }
  fanout::resource_budget memory{64};
};

/// Knows the length of each task beforehand.
class longest_first {
 public:
  static constexpr const char* name = "fanout_longest_first";

  explicit longest_first(const balance::shape& work) : work_(work), executor_({.concurrency = work.concurrency}) {}

  template <class Task>
  auto map(std::size_t size, const Task& task) {
    return executor_.map(size, task, {.priority = [this](std::size_t i) -> std::int64_t { return work_.links[i]; }});
  }
  template <class Body>
  void run(std::size_t size, const Body& body) {
    executor_.map(size, [&body](std::size_t i) { body(i); });
  }

 private:
  const balance::shape& work_;
  fanout::executor executor_;
};

/// Is not told.
class in_input_order : public perf::fanout_executor {
 public:
  explicit in_input_order(const balance::shape& work) : fanout_executor(work.concurrency) {}
};

const bool entered = [] {
  unequal::enter_cheap<perf::fanout_executor>();
  unequal::enter_cheap<perf::fanout_again>();
  unequal::enter_cheap<fanout_with<priority>>();
  unequal::enter_cheap<fanout_with<budget>>();
  unequal::enter_cheap<fanout_with<retry>>();
  unequal::enter_cheap<fanout_with<all>>();
  unequal::enter_lengths<in_input_order>();
  unequal::enter_lengths<longest_first>();
  return true;
}();

}  // namespace
