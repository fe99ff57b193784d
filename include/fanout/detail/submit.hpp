#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/detail/accept.hpp"
#include "fanout/detail/run.hpp"
#include "fanout/detail/submission.hpp"
#include "fanout/detail/tsan.hpp"

/// What a handle owns: the tasks or items, the mapper, and then the results.
namespace fanout::detail {

/// What is kept of an argument. An rvalue is moved, an lvalue copied; what `std::ref` refers to is used in place.
template <class Range>
struct kept_range {
  using type = std::remove_cvref_t<Range>;
  static type keep(Range&& range) { return std::forward<Range>(range); }
};
template <class Range>
inline constexpr bool is_array_of_objects = std::is_bounded_array_v<std::remove_reference_t<Range>> &&
                                            !std::is_array_v<std::remove_extent_t<std::remove_reference_t<Range>>>;

template <class Range>
  requires is_array_of_objects<Range>
struct kept_range<Range> {
  using type = std::array<std::remove_cv_t<std::remove_extent_t<std::remove_reference_t<Range>>>,
                          std::extent_v<std::remove_reference_t<Range>>>;
  static type keep(Range&& range) { return std::to_array(std::forward<Range>(range)); }
};
template <class Range>
  requires(std::is_bounded_array_v<std::remove_reference_t<Range>> && !is_array_of_objects<Range>)
struct kept_range<Range> {
  using type = std::remove_cvref_t<Range>;  // cannot be kept, because it can be neither copied nor moved
};
template <class Range>
  requires std::ranges::range<Range&>
struct kept_range<std::reference_wrapper<Range>> {
  using type = std::ranges::ref_view<Range>;
  static type keep(const std::reference_wrapper<Range>& range) { return type(range.get()); }
};
template <class Range>
  requires std::ranges::range<Range&>
struct kept_range<std::reference_wrapper<Range>&> : kept_range<std::reference_wrapper<Range>> {};
template <class Range>
  requires std::ranges::range<Range&>
struct kept_range<const std::reference_wrapper<Range>&> : kept_range<std::reference_wrapper<Range>> {};

template <class Range>
using kept_range_t = typename kept_range<Range>::type;

/// Whether the elements of a container can be copied. The copy constructor of a container does not say.
template <class Range>
inline constexpr bool has_elements_to_copy = true;
template <std::ranges::input_range Range>
  requires(!std::ranges::view<std::remove_cvref_t<Range>>)
inline constexpr bool has_elements_to_copy<Range> =
    std::constructible_from<std::ranges::range_value_t<Range>, std::ranges::range_reference_t<Range>>;

// Constants for the reason given in accept.hpp.
template <class Range>
inline constexpr bool can_be_owned =
    is_array_of_objects<Range> ||
    !std::same_as<kept_range_t<Range>, std::remove_cvref_t<Range>> ||
    std::constructible_from<std::remove_cvref_t<Range>, Range>;
template <class Range>
  requires std::is_lvalue_reference_v<Range>
inline constexpr bool can_be_owned<Range> =
    has_elements_to_copy<Range> && std::copy_constructible<kept_range_t<Range>>;

template <class Range>
concept submitted_tasks = can_be_owned<Range> &&  // an lvalue is copied: use std::move, or std::ref to refer to it
    tasks<kept_range_t<Range>>;

template <class Items>
concept submitted_items = can_be_owned<Items> &&  // an lvalue is copied: use std::move, or std::ref to refer to it
    items<kept_range_t<Items>>;

template <class F, class Items>
inline constexpr bool is_submitted_mapper = is_mapper<std::decay_t<F>, item_t<kept_range_t<Items>>>;

template <class F, class Items>
concept submitted_mapper = function_can_be_kept<F> &&  // an lvalue is copied: use std::move, or std::ref
    changes_arrive<std::decay_t<F>, kept_range_t<Items>> &&
    is_submitted_mapper<F, Items> &&  // a mapper must be callable as R(item) or R(item, const task_context&)
    result_of_batch<mapper_result<std::decay_t<F>, item_t<kept_range_t<Items>>>>;

/// Tasks with all that they need. Stays where it is, because the input may refer to the range.
template <class Range>
class owned_tasks {
 public:
  using result = std::remove_cv_t<task_result<item_t<Range>>>;

  template <class From>
  owned_tasks(executor_core* executor, const run_options& options, From&& from)
      : range_(kept_range<From>::keep(std::forward<From>(from))),
        tasks_(detail::accepted_tasks<Range>(executor, range_, options)) {}
  owned_tasks(const owned_tasks&) = delete;
  owned_tasks& operator=(const owned_tasks&) = delete;

  std::size_t size() const { return tasks_.size(); }
  auto run(const submitted_run& how) {
    return detail::run_tasks(how.executor, tasks_, how.options, watched{&how.watch, how.deadline});
  }

 private:
  Range range_;
  const input_t<Range> tasks_;
};

/// Items with their mapper.
template <class Items, class F>
class owned_items {
 public:
  using result = std::remove_cv_t<mapper_result<F, item_t<Items>>>;

  template <class From, class Mapper>
  owned_items(executor_core*, const run_options& options, From&& from, Mapper&& mapper)
      : mapper_(std::forward<Mapper>(mapper)),
        range_(kept_range<From>::keep(std::forward<From>(from))),
        items_(detail::accepted_items<Items>(range_, mapper_, options)) {}
  owned_items(const owned_items&) = delete;
  owned_items& operator=(const owned_items&) = delete;

  std::size_t size() const { return items_.size(); }
  auto run(const submitted_run& how) {
    return detail::map_items(how.executor, items_, mapper_, how.options, watched{&how.watch, how.deadline});
  }

 private:
  F mapper_;
  Items range_;
  const input_t<Items> items_;
};

/// How a batch has ended: with results or with an exception, which are taken once.
template <class T>
class submitted_outcome {
 public:
  template <class Run>
  void keep(const Run& run) {
    values_.emplace(run());
  }
  void fail(std::exception_ptr failure) noexcept { failure_ = std::move(failure); }

  std::vector<T> take() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    std::vector<T> values = std::move(*values_);
    values_.reset();
    return values;
  }

 private:
  std::optional<std::vector<T>> values_{};
  std::exception_ptr failure_{};
};
template <>
class submitted_outcome<void> {
 public:
  template <class Run>
  void keep(const Run& run) {
    run();
  }
  void fail(std::exception_ptr failure) noexcept { failure_ = std::move(failure); }

  void take() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  std::exception_ptr failure_{};
};

/// Makes handles.
struct batch_maker;

/// What a `batch<T>` points to, below the type of its tasks.
template <class T>
class submitted {
 public:
  submitted() = default;
  submitted(const submitted&) = delete;
  submitted& operator=(const submitted&) = delete;
  virtual ~submitted() = default;

  const submission& running() const { return *running_; }

  /// Requires that the batch is over.
  auto take() {
    tsan::acquire(this);
    return outcome_.take();
  }

  /// Destroys the results that nobody has taken. Requires that the batch has run.
  void drop() noexcept { outcome_ = {}; }

  bool taken = false;  // used by the handle

 protected:
  std::optional<submission> running_{};
  submitted_outcome<T> outcome_{};
};

/// How a handle destroys what it points to. The owner of the handle may be destroyed by the batch itself: a mapper
/// that shares its ownership keeps it alive until the batch has ended.
struct end_of_handle {
  template <class T>
  void operator()(submitted<T>* state) const noexcept {
    state->running().keep() ? state->drop() : delete state;
  }
};

template <class Source>
class submitted_batch final : public submitted<typename Source::result> {
 public:
  template <class... Args>
  submitted_batch(executor_core* executor, const run_options& options, Args&&... args) {
    source_.emplace(executor, options, std::forward<Args>(args)...);
    tsan::release(this);
    this->running_.emplace(executor, source_->size(), options, submitted_work{this, &run, &end, &destroy},
                           tsan::stops);
  }
  submitted_batch(const submitted_batch&) = delete;
  submitted_batch& operator=(const submitted_batch&) = delete;
  ~submitted_batch() override {
    this->running_.reset();  // waits: tasks may use what is destroyed after this
    tsan::acquire(this);
  }

 private:
  static void run(void* object, const submitted_run& how) noexcept {
    auto* const self = static_cast<submitted_batch*>(object);
    tsan::acquire(self);
    try {
      self->outcome_.keep([&] { return self->source_->run(how); });
    } catch (...) {
      require_exception();
      self->outcome_.fail(std::current_exception());
    }
    tsan::release(self);
  }

  static void end(void* object) noexcept {
    auto* const self = static_cast<submitted_batch*>(object);
    self->source_.reset();
    tsan::release(self);
  }

  static void destroy(void* object) noexcept { delete static_cast<submitted_batch*>(object); }

  std::optional<Source> source_{};
};

}  // namespace fanout::detail
