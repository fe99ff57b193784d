#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/detail/results.hpp"
#include "fanout/detail/slot_pool.hpp"
#include "fanout/detail/time_limit.hpp"
#include "fanout/detail/tsan.hpp"
#include "fanout/error.hpp"
#include "fanout/pool_statistics.hpp"

namespace fanout {

/// Which of the idle resources of a pool is lent next.
enum class pool_reuse {
  /// The one that has been idle longest. All resources are used in turn, so each is idle for about the same time.
  /// Backed by a `tbb::concurrent_bounded_queue`.
  rotate,

  /// The one that came back last, which caches are most likely to hold. Resources that the load does not need stay
  /// idle. Backed by a lock-free stack. Required where threads of different real-time priorities share a pool: with
  /// `rotate`, a thread may spin forever, waiting for a preempted thread of lower priority.
  most_recent,
};

/// How a pool treats its resources. By default it makes all of them in the constructor, lends them in rotation, and
/// does not validate or reset them, or replace them because of their age. The functions are called by several threads
/// at once, each with a resource that no other thread has.
template <class T>
struct pool_options {
  /// Makes a resource when one is needed and none is idle, instead of all at once in the constructor.
  bool lazy = false;

  /// Called before a resource is lent, including a new one. If it returns false or throws, the resource is discarded
  /// and replaced by a new one. If the new one fails as well, the call fails, and the next call tries again.
  std::function<bool(T&)> validate{};

  /// Called when a resource is given back. If it throws, the resource is discarded.
  std::function<void(T&)> reset{};

  /// A resource that has been idle for at least this long is replaced when it is about to be lent. There is no
  /// background thread: an idle resource that nobody asks for stays. With `pool_reuse::rotate` every resource is used
  /// in turn, so none stays idle that long unless there are fewer than `size` leases within `max_idle`. With
  /// `pool_reuse::most_recent` the resources that a low load does not need stay idle that long, and are replaced when
  /// the load rises again.
  std::chrono::nanoseconds max_idle = std::chrono::nanoseconds::max();

  /// A resource that is at least this old is replaced when it is about to be lent, and destroyed when it is given
  /// back. It is never destroyed while it is lent.
  std::chrono::nanoseconds max_lifetime = std::chrono::nanoseconds::max();

  /// Whether `outstanding()` lists the leases. Costs one reading of the clock for each lease.
  bool track_leases = false;

  /// Which of several idle resources is lent next. If callers wait, a resource that is given back goes to the first
  /// of them, so this does not change the order in which callers are served.
  pool_reuse reuse = pool_reuse::rotate;
};

namespace detail {

/// The typed side of a pool: its resources and the functions that act on them. Shared by the pool, its leases and the
/// calls that run on it, and lives as long as any of them.
template <class T>
class typed_pool final : public slot_pool {
 public:
  typed_pool(std::function<T()> factory, std::size_t size, pool_options<T> options)
      : slot_pool({.size = size,
                   .validates = static_cast<bool>(options.validate),
                   .resets = static_cast<bool>(options.reset),
                   .tracks = options.track_leases,
                   .rotates = options.reuse == pool_reuse::rotate,
                   .max_idle = options.max_idle,
                   .max_lifetime = options.max_lifetime}),
        factory_(std::move(factory)),
        options_(std::move(options)),
        resources_(new resource[size]) {
    if (!options_.lazy) fill();
  }

  /// For the holder of the slot.
  T& at(std::size_t slot) {
    tsan::acquire(&resources_[slot]);
    return resources_[slot].made->value;
  }

  /// As in `slot_pool`. What the holder did with the resource happens before what the next one does with it.
  void give_back(std::size_t slot) noexcept {
    tsan::release(&resources_[slot]);
    slot_pool::give_back(slot);
  }
  void discard(std::size_t slot) noexcept {
    tsan::release(&resources_[slot]);
    slot_pool::discard(slot);
  }

 private:
  /// On cache lines of its own, because different threads use neighbouring resources.
  struct alignas(alignof(T) > 128 ? alignof(T) : 128) resource {
    std::optional<made_by<T>> made{};
  };

  /// For a function of the user that is called for a slot.
  class visit {
   public:
    explicit visit(const resource& visited) noexcept : visited_(visited) { tsan::acquire(&visited_); }
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit() { tsan::release(&visited_); }

   private:
    const resource& visited_;
  };

  void make(std::size_t slot) override {
    const visit here(resources_[slot]);
    resources_[slot].made.emplace(std::in_place, factory_);
  }
  void destroy(std::size_t slot) noexcept override {
    const visit here(resources_[slot]);
    resources_[slot].made.reset();
  }
  bool validate(std::size_t slot) override {
    const visit here(resources_[slot]);
    return options_.validate(at(slot));
  }
  void reset(std::size_t slot) override {
    const visit here(resources_[slot]);
    options_.reset(at(slot));
  }

  const std::function<T()> factory_;
  const pool_options<T> options_;
  const std::unique_ptr<resource[]> resources_;
};

}  // namespace detail

template <class T>
class resource_pool;

/// Holds a resource of a pool, and gives it back when it is destroyed. The resource is valid until then, even if the
/// pool is closed or destroyed.
///
/// One thread at a time may use a lease; it may be moved to another thread. After `release`, `discard` or a move from
/// it, a lease has no resource, and access to the resource throws `std::logic_error`.
template <class T>
class [[nodiscard]] lease {
 public:
  /// Takes over the resource of `other`, which has none afterwards.
  lease(lease&& other) noexcept
      : pool_(std::move(other.pool_)), slot_(other.slot_), resource_(std::exchange(other.resource_, nullptr)) {
    if (resource_ != nullptr) pool_->moved(slot_);
  }
  /// The same. A resource that this lease held is given back first.
  lease& operator=(lease&& other) noexcept {
    if (this != &other) {
      release();
      pool_ = std::move(other.pool_);
      slot_ = other.slot_;
      resource_ = std::exchange(other.resource_, nullptr);
      if (resource_ != nullptr) pool_->moved(slot_);
    }
    return *this;
  }
  /// Gives the resource back.
  ~lease() { release(); }

  /// The resource.
  T& operator*() const { return *get(); }
  /// A member of the resource.
  T* operator->() const { return get(); }

  /// The address of the resource, never null.
  T* get() const {
    if (resource_ == nullptr) detail::throw_released_lease();
    return resource_;
  }

  /// Whether the lease has a resource.
  explicit operator bool() const noexcept { return resource_ != nullptr; }

  /// Gives the resource back now. Does nothing if the lease has none. Never throws. Allocates only to keep the
  /// message of a `pool_options::reset` that throws.
  void release() noexcept {
    if (std::exchange(resource_, nullptr) == nullptr) return;
    const auto pool = std::move(pool_);  // the user code that runs below may destroy this lease
    pool->give_back(slot_);
  }

  /// Destroys the resource; use it for a broken one. The pool makes another when one is needed. Otherwise like
  /// `release`.
  void discard() noexcept {
    if (std::exchange(resource_, nullptr) == nullptr) return;
    const auto pool = std::move(pool_);
    pool->discard(slot_);
  }

  /// Lets only the pool make leases.
  class key {
    friend class resource_pool<T>;
    key() = default;
  };
  /// For the pool: a lease of the resource in a slot that the pool has set aside.
  lease(key, std::shared_ptr<detail::typed_pool<T>> pool, std::size_t slot)
      : pool_(std::move(pool)), slot_(slot), resource_(std::addressof(pool_->at(slot))) {}

 private:
  std::shared_ptr<detail::typed_pool<T>> pool_;
  std::size_t slot_;
  T* resource_;
};

/// A fixed number of resources that are expensive to make and that only one task at a time may use: connections,
/// contexts, scratch memory. They are made once, lent to one holder at a time, and given back even if the task
/// throws. By default they are lent in rotation; see `pool_reuse`.
///
///     fanout::resource_pool<connection> pool([] { return connect("orders.db"); }, 4);
///     const fanout::lease<connection> lent = pool.acquire();
///     lent->query("…");
///
/// Any number of threads may use a pool at once. Never more than `size` resources exist. Callers that wait are served
/// in the order of arrival, by the release itself, and no other caller overtakes them. The factory, the validation,
/// the reset and the destructors of resources run on the thread that needs them, under no lock, so slow ones run in
/// parallel.
///
/// **Hold and wait.** A task that holds a lease and waits for another of the same pool may wait forever: for example
/// two tasks with one lease each that both wait for a second. Acquire once, release first, or make the pool large
/// enough for all leases at once. If a task and the tasks around it hold *every* resource, none can be given back
/// while the task waits, so a call without a time limit throws `std::logic_error` instead of waiting. (A lease that
/// was moved is not counted, because it may be anywhere. And a worker of oneTBB that runs a piece of a loop does not
/// know which task it belongs to.) The factory and the validation must not wait for a resource of the same pool.
///
/// *Costs* of an acquire and a release while nobody waits: 86 ns, or 48 ns with `pool_reuse::most_recent`, where a
/// pop and a push of a bare `tbb::concurrent_bounded_queue` take 52 ns. `max_idle` or `max_lifetime` adds six clock
/// readings.
template <class T>
class resource_pool {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "a resource must be an object that is not const");

 public:
  /// `factory()` makes a resource. It is called by several threads at once. Throws `std::invalid_argument` for a size
  /// of 0 or above 2^20, an empty factory, or a negative age. Unless the pool is lazy, the constructor makes all
  /// resources. If the factory throws, those already made are destroyed and the exception reaches the caller.
  template <class Factory>
  requires std::invocable<Factory&> && std::same_as<std::invoke_result_t<Factory&>, T> resource_pool(
      Factory&& factory, std::size_t size, pool_options<T> options = {})
      : pool_(make(std::forward<Factory>(factory), size, std::move(options))) {}

  resource_pool(const resource_pool&) = delete;
  resource_pool& operator=(const resource_pool&) = delete;

  /// Closes the pool. Leases may still be held and calls may still run: a caller that waits gets `pool_closed`, and a
  /// running `execute_with_pool` or `map_with_pool` goes on as after `close`.
  ~resource_pool() { close(); }

  /// Waits for a resource. Throws `pool_closed` if the pool is closed, `std::logic_error` (see "Hold and wait"), and
  /// `error` if the validation returns false for a new resource. An exception of the factory, or of the validation of
  /// a new resource, reaches this caller unchanged; the next caller tries again. Throws `std::bad_alloc` if there is
  /// no memory for one more waiting caller.
  lease<T> acquire() { return acquire(std::stop_token()); }

  /// The same. Throws `operation_cancelled` if it has to wait and a stop is requested before or during the wait.
  lease<T> acquire(const std::stop_token& stop) {
    kept_pool pool = pool_;
    const std::size_t slot = pool->acquire(stop, detail::slot_pool::none);
    return lease<T>(typename lease<T>::key(), std::move(pool), slot);
  }

  /// The same without waiting for a release. Returns an empty value if no resource is free or another caller waits.
  std::optional<lease<T>> try_acquire() {
    kept_pool pool = pool_;
    const std::size_t slot = pool->try_acquire(detail::slot_pool::none);
    return lent_or_none(std::move(pool), slot);
  }

  /// The same, but waits no longer than until the limit and then returns an empty value. The time that the factory
  /// and the validation take counts: a resource that is ready only after the limit goes to the next caller. With a
  /// limit that has already passed this does not wait, like `try_acquire`. A limit on a clock other than
  /// `std::chrono::steady_clock` is converted once, when this is called.
  template <class Clock, class Duration>
  std::optional<lease<T>> try_acquire_until(const std::chrono::time_point<Clock, Duration>& limit) {
    kept_pool pool = pool_;
    const std::size_t slot = pool->acquire_until(detail::steady(limit));
    return lent_or_none(std::move(pool), slot);
  }
  /// The same with a duration that starts now.
  template <class Rep, class Period>
  std::optional<lease<T>> try_acquire_for(const std::chrono::duration<Rep, Period>& limit) {
    return try_acquire_until(detail::after(clock::now(), limit));
  }

  /// The same. At the limit it throws `pool_timeout`, whose text says why no resource was free.
  template <class Rep, class Period>
  lease<T> acquire_for(const std::chrono::duration<Rep, Period>& limit) {
    kept_pool pool = pool_;
    const clock::time_point begin = clock::now();
    const clock::time_point end = detail::after(begin, limit);
    const std::size_t slot = pool->acquire_until(end);
    if (slot == detail::slot_pool::none) pool->throw_timeout(end - begin);
    return lease<T>(typename lease<T>::key(), std::move(pool), slot);
  }

  /// Ends the waits of all callers, and refuses later calls, with `pool_closed`. Destroys the idle resources. Leases
  /// stay valid, and their resources are destroyed when they are given back. Calling it again does nothing.
  void close() noexcept {
    const kept_pool pool = pool_;
    pool->close();
  }

  /// The most resources that may exist.
  std::size_t size() const noexcept { return pool_->size(); }

  /// The number of resources that are ready to be lent. Linear in `size()`.
  std::size_t idle() const { return statistics().idle; }

  /// The number of resources that are lent. Linear in `size()`.
  std::size_t in_use() const { return statistics().in_use; }

  /// The number of callers that wait for a resource.
  std::size_t waiting() const noexcept { return pool_->waiting(); }

  /// All figures. Linear in `size()`.
  pool_statistics statistics() const { return pool_->statistics(); }

  /// The leases that have not been given back. Empty unless `pool_options::track_leases` is set. Linear in `size()`.
  std::vector<outstanding_lease> outstanding() const { return pool_->outstanding(); }

  /// For the library: the pool's state, which outlives this object while the result exists.
  std::shared_ptr<detail::typed_pool<T>> shared() const { return pool_; }

 private:
  using clock = detail::slot_pool::clock;

  template <class Factory>
  static std::shared_ptr<detail::typed_pool<T>> make(Factory&& factory, std::size_t size, pool_options<T> options) {
    bool has_factory = true;
    constexpr bool is_function = std::is_function_v<std::remove_reference_t<Factory>>;  // never null
    if constexpr (!is_function && requires { factory == nullptr; }) has_factory = !(factory == nullptr);
    detail::check_pool(size, has_factory, options.max_idle, options.max_lifetime);
    // Shared, because a std::function must be copyable and a factory need not be.
    auto shared = std::make_shared<std::decay_t<Factory>>(std::forward<Factory>(factory));
    return std::make_shared<detail::typed_pool<T>>([shared]() -> T { return (*shared)(); }, size, std::move(options));
  }

  /// Members that wait or run user code work on a copy, because `*this` may be destroyed meanwhile.
  using kept_pool = std::shared_ptr<detail::typed_pool<T>>;

  static std::optional<lease<T>> lent_or_none(kept_pool pool, std::size_t slot) {
    if (slot == detail::slot_pool::none) return std::nullopt;
    return std::optional<lease<T>>(std::in_place, typename lease<T>::key(), std::move(pool), slot);
  }

  const std::shared_ptr<detail::typed_pool<T>> pool_;
};

/// Deduces the type of the resources from the factory.
template <class Factory>
resource_pool(Factory&&, std::size_t) -> resource_pool<std::invoke_result_t<Factory&>>;
/// Deduces the type of the resources from the options.
template <class Factory, class T>
resource_pool(Factory&&, std::size_t, pool_options<T>) -> resource_pool<T>;

}  // namespace fanout
