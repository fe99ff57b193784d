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
#include "fanout/error.hpp"
#include "fanout/pool_statistics.hpp"

namespace fanout {

/// How a pool treats its resources. No member changes anything by default. The functions are called by several threads
/// at once, each with a resource that no other thread has.
template <class T>
struct pool_options {
  /// Makes a resource when one is needed and none is idle, instead of all at once in the constructor.
  bool lazy = false;

  /// Asked before a resource is lent, a new one included. False or a throw discards it, and a new one is made in its
  /// place; a new one that fails fails the call, and the next call tries again.
  std::function<bool(T&)> validate{};

  /// Called when a resource is given back. A throw discards it.
  std::function<void(T&)> reset{};

  /// A resource that has been idle so long is replaced when it is to be lent. There is no thread in the background:
  /// nothing is destroyed in between.
  std::chrono::nanoseconds max_idle = std::chrono::nanoseconds::max();

  /// A resource that is so old is replaced when it is to be lent, and destroyed when it is given back; never while it is
  /// lent.
  std::chrono::nanoseconds max_lifetime = std::chrono::nanoseconds::max();

  /// Whether `outstanding()` lists the leases. Costs one reading of the clock for each lease.
  bool track_leases = false;
};

namespace detail {

/// The typed side of a pool: the resources, and what is done to them. Shared by the pool, its leases and the calls that
/// run on it; lives as long as any of them.
template <class T>
class typed_pool final : public slot_pool {
 public:
  typed_pool(std::function<T()> factory, std::size_t size, pool_options<T> options)
      : slot_pool({.size = size,
                   .validates = static_cast<bool>(options.validate),
                   .resets = static_cast<bool>(options.reset),
                   .tracks = options.track_leases,
                   .max_idle = options.max_idle,
                   .max_lifetime = options.max_lifetime}),
        factory_(std::move(factory)),
        options_(std::move(options)),
        resources_(new resource[size]) {
    if (!options_.lazy) fill();
  }

  T& at(std::size_t slot) { return resources_[slot].made->value; }

 private:
  /// On lines of its own: neighbours are used by different threads.
  struct alignas(alignof(T) > 128 ? alignof(T) : 128) resource {
    std::optional<made_by<T>> made{};
  };

  void make(std::size_t slot) override { resources_[slot].made.emplace(std::in_place, factory_); }
  void destroy(std::size_t slot) noexcept override { resources_[slot].made.reset(); }
  bool validate(std::size_t slot) override { return options_.validate(at(slot)); }
  void reset(std::size_t slot) override { options_.reset(at(slot)); }

  const std::function<T()> factory_;
  const pool_options<T> options_;
  const std::unique_ptr<resource[]> resources_;
};

}  // namespace detail

template <class T>
class resource_pool;

/// A resource of a pool, for as long as this lives. It is given back when this is destroyed, and is valid until then,
/// also when the pool has been closed or destroyed.
///
/// One thread at a time may use it; it may move to another. After `release`, `discard`, or when it was moved from, a
/// lease has no resource: asking for it throws `std::logic_error`.
template <class T>
class [[nodiscard]] lease {
 public:
  /// Takes the resource over; `other` has none afterwards.
  lease(lease&& other) noexcept
      : pool_(std::move(other.pool_)), slot_(other.slot_), resource_(std::exchange(other.resource_, nullptr)) {
    if (resource_ != nullptr) pool_->moved(slot_);
  }
  /// The same; a resource that this had is given back first.
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

  /// Whether it has a resource.
  explicit operator bool() const noexcept { return resource_ != nullptr; }

  /// Gives the resource back now. The second time it does nothing.
  void release() noexcept {
    if (std::exchange(resource_, nullptr) == nullptr) return;
    const auto pool = std::move(pool_);  // user code runs below, which may destroy this lease
    pool->give_back(slot_);
  }

  /// Destroys the resource, because it is broken; the pool makes another when one is needed. As `release` otherwise.
  void discard() noexcept {
    if (std::exchange(resource_, nullptr) == nullptr) return;
    const auto pool = std::move(pool_);
    pool->discard(slot_);
  }

  /// For the pool, which alone can make a key.
  class key {
    friend class resource_pool<T>;
    key() = default;
  };
  /// For the pool: lends the resource of a slot that it has set aside.
  lease(key, std::shared_ptr<detail::typed_pool<T>> pool, std::size_t slot)
      : pool_(std::move(pool)), slot_(slot), resource_(std::addressof(pool_->at(slot))) {}

 private:
  std::shared_ptr<detail::typed_pool<T>> pool_;
  std::size_t slot_;
  T* resource_;
};

/// A number of resources that are dear to make and must not be shared: connections, contexts, scratch memory. They are
/// made once, lent to one holder at a time, and given back whatever happens. What came back last is lent first.
///
///     fanout::resource_pool<connection> pool([] { return connect("orders.db"); }, 4);
///     const fanout::lease<connection> lent = pool.acquire();
///     lent->query("…");
///
/// Any number of threads may use a pool at once. Never more than `size` resources exist. Those who wait are served in
/// the order in which they came, by the release itself, and nobody overtakes them. Factory, validation, reset and
/// destructors of resources run on the thread that needs them done, under no lock: slow ones run side by side.
///
/// **Hold and wait.** Who holds a lease and waits for another of the same pool may wait for ever: two tasks with one
/// lease each, both waiting for a second. Acquire once, or release first, or make the pool large enough for all at
/// once. A task gets a `std::logic_error` instead when it and the tasks in which its batch was started hold *every*
/// resource, so that nobody could give one back before it ends. (A lease that was moved counts for nobody: it may be
/// anywhere. And a worker of oneTBB that runs a piece of a loop does not know in which task that is.) Factory and
/// validation must not wait for a resource of the same pool.
///
/// *Costs*: some 20 ns to acquire and release where nobody waits; 20 ns more with `max_idle` or `max_lifetime`.
template <class T>
class resource_pool {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "a resource must be an object that is not const");

 public:
  /// `factory` is called as `T()`, by several threads at once. Throws `std::invalid_argument` for a size of 0 or above
  /// 2^20, an empty factory, or a negative age. Unless it is lazy it makes all resources now: when the factory throws,
  /// those that it made are destroyed and the exception reaches the caller.
  template <class Factory>
    requires std::invocable<Factory&> && std::same_as<std::invoke_result_t<Factory&>, T>
  resource_pool(Factory&& factory, std::size_t size, pool_options<T> options = {})
      : pool_(make(std::forward<Factory>(factory), size, std::move(options))) {}

  resource_pool(const resource_pool&) = delete;
  resource_pool& operator=(const resource_pool&) = delete;

  /// Closes the pool. Leases may be out and calls may run on it: a caller that waits gets `pool_closed`, and a running
  /// `execute_with_pool` or `map_with_pool` goes on as after `close`.
  ~resource_pool() { close(); }

  /// Waits for a resource. Throws `pool_closed`; `std::logic_error` (see above); what the factory throws, and then the
  /// next caller tries again; `error` if a new resource fails its validation.
  lease<T> acquire() { return acquire(std::stop_token()); }

  /// The same; throws `operation_cancelled` once the stop is requested and there is none.
  lease<T> acquire(const std::stop_token& stop) {
    kept_pool pool = pool_;
    const std::size_t slot = pool->acquire(stop, detail::slot_pool::none);
    return lease<T>(typename lease<T>::key(), std::move(pool), slot);
  }

  /// The same without waiting for a release: empty if none is idle or somebody else waits.
  std::optional<lease<T>> try_acquire() {
    kept_pool pool = pool_;
    const std::size_t slot = pool->try_acquire(detail::slot_pool::none);
    return lent_or_none(std::move(pool), slot);
  }

  /// The same; empty at the limit. The time of the factory and the validation counts: what is ready later goes to the
  /// next caller. A limit that is past when this is called only asks not to wait, as `try_acquire`. The limit of a clock
  /// other than `std::chrono::steady_clock` is converted once, when this is called.
  template <class Clock, class Duration>
  std::optional<lease<T>> try_acquire_until(const std::chrono::time_point<Clock, Duration>& limit) {
    kept_pool pool = pool_;
    const std::size_t slot = pool->acquire_until(steady(limit));
    return lent_or_none(std::move(pool), slot);
  }
  /// The same from now on.
  template <class Rep, class Period>
  std::optional<lease<T>> try_acquire_for(const std::chrono::duration<Rep, Period>& limit) {
    return try_acquire_until(after(clock::now(), limit));
  }

  /// The same; throws `pool_timeout` at the limit, whose text says why nothing was to be had.
  template <class Rep, class Period>
  lease<T> acquire_for(const std::chrono::duration<Rep, Period>& limit) {
    kept_pool pool = pool_;
    const clock::time_point begin = clock::now();
    const clock::time_point end = after(begin, limit);
    const std::size_t slot = pool->acquire_until(end);
    if (slot == detail::slot_pool::none) pool->throw_timeout(end - begin);
    return lease<T>(typename lease<T>::key(), std::move(pool), slot);
  }

  /// Those who wait, and later calls, get `pool_closed`. Leases stay valid; their resources are destroyed when they are
  /// given back, idle ones now. The second time it does nothing.
  void close() noexcept {
    const kept_pool pool = pool_;
    pool->close();
  }

  /// The most resources that may exist.
  std::size_t size() const noexcept { return pool_->size(); }

  /// Resources that are ready to be lent. Looks at each slot.
  std::size_t idle() const { return statistics().idle; }

  /// Resources that are lent. Looks at each slot.
  std::size_t in_use() const { return statistics().in_use; }

  /// Callers that wait for one.
  std::size_t waiting() const noexcept { return pool_->waiting(); }

  /// All figures. Looks at each slot.
  pool_statistics statistics() const { return pool_->statistics(); }

  /// For how long each lease has been out; empty unless `pool_options::track_leases` is set.
  std::vector<outstanding_lease> outstanding() const { return pool_->outstanding(); }

  /// For the library: keeps what it returns alive when this is destroyed.
  std::shared_ptr<detail::typed_pool<T>> shared() const { return pool_; }

 private:
  using clock = detail::slot_pool::clock;

  template <class Factory>
  static std::shared_ptr<detail::typed_pool<T>> make(Factory&& factory, std::size_t size, pool_options<T> options) {
    bool has_factory = true;
    if constexpr (requires { factory == nullptr; }) has_factory = !(factory == nullptr);
    detail::check_pool(size, has_factory, options.max_idle, options.max_lifetime);
    // Shared, because a std::function must be copyable and a factory need not be.
    auto shared = std::make_shared<std::decay_t<Factory>>(std::forward<Factory>(factory));
    return std::make_shared<detail::typed_pool<T>>([shared]() -> T { return (*shared)(); }, size, std::move(options));
  }

  /// Members that wait or run user code work on a copy, because this may be destroyed meanwhile.
  using kept_pool = std::shared_ptr<detail::typed_pool<T>>;

  static std::optional<lease<T>> lent_or_none(kept_pool pool, std::size_t slot) {
    if (slot == detail::slot_pool::none) return std::nullopt;
    return std::optional<lease<T>>(std::in_place, typename lease<T>::key(), std::move(pool), slot);
  }

  /// Longer than a century is for ever. Told in floating point, in which no duration that has a type overflows.
  using seconds = std::chrono::duration<double>;
  static constexpr seconds century{3.2e9};

  /// Rounded up: never earlier than asked for.
  template <class Rep, class Period>
  static clock::time_point after(clock::time_point now, const std::chrono::duration<Rep, Period>& limit) {
    if (seconds(limit) > century) return clock::time_point::max();
    return limit > limit.zero() ? now + std::chrono::ceil<clock::duration>(limit) : now;
  }
  template <class Clock, class Duration>
  static clock::time_point steady(const std::chrono::time_point<Clock, Duration>& limit) {
    const auto now = Clock::now();
    const seconds ahead = seconds(limit.time_since_epoch()) - seconds(now.time_since_epoch());
    if (ahead > century) return clock::time_point::max();
    if constexpr (std::same_as<std::chrono::time_point<Clock, Duration>, clock::time_point>) return limit;
    return after(clock::now(), ahead < -century ? Clock::duration::zero() : limit - now);
  }

  const std::shared_ptr<detail::typed_pool<T>> pool_;
};

/// A pool of what the factory returns.
template <class Factory>
resource_pool(Factory&&, std::size_t) -> resource_pool<std::invoke_result_t<Factory&>>;
/// A pool of what the options are for.
template <class Factory, class T>
resource_pool(Factory&&, std::size_t, pool_options<T>) -> resource_pool<T>;

}  // namespace fanout
