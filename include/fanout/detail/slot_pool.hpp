#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <vector>

#include "fanout/detail/export.hpp"
#include "fanout/pool_statistics.hpp"

namespace fanout::detail {

/// A pool without the type of its resources: numbered slots with a resource in each or none, and who has them. What
/// is done to a resource is done by the typed side, on the thread that asks for it, under no lock.
class FANOUT_EXPORT slot_pool {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_size = std::size_t{1} << 20U;

  struct settings {
    std::size_t size;
    bool validates;
    bool resets;
    bool tracks;  // for `outstanding`
    std::chrono::nanoseconds max_idle;
    std::chrono::nanoseconds max_lifetime;
  };

  slot_pool(const slot_pool&) = delete;
  slot_pool& operator=(const slot_pool&) = delete;

  /// A slot with a resource that is ready to be lent. `task`: the index of the task that it is for, or `none`.
  std::size_t acquire(const std::stop_token& stop, std::size_t task);

  /// The same, or `none` where this one would have to wait, …
  std::size_t try_acquire(std::size_t task);

  /// … and where this one would have to wait beyond the limit.
  std::size_t acquire_until(clock::time_point limit);

  /// The holder has moved its lease.
  void moved(std::size_t slot) noexcept;

  /// The holder's, one of them once for each slot that it got.
  void give_back(std::size_t slot) noexcept;
  void discard(std::size_t slot) noexcept;

  void close() noexcept;
  std::size_t size() const noexcept;
  std::size_t waiting() const noexcept;
  pool_statistics statistics() const;
  std::vector<outstanding_lease> outstanding() const;

  /// Throws the `pool_timeout` that says why nothing was to be had.
  [[noreturn]] void throw_timeout(std::chrono::nanoseconds waited) const;

 protected:
  explicit slot_pool(const settings& chosen);
  ~slot_pool();

  /// Makes a resource in every slot. For the constructor of the typed side.
  void fill();

 private:
  class engine;

  virtual void make(std::size_t slot) = 0;
  virtual void destroy(std::size_t slot) noexcept = 0;
  virtual bool validate(std::size_t slot) = 0;
  virtual void reset(std::size_t slot) = 0;

  const std::unique_ptr<engine> engine_;
};

/// Throws the `std::invalid_argument` for what a pool cannot be made of.
FANOUT_EXPORT void check_pool(std::size_t size, bool has_factory, std::chrono::nanoseconds max_idle,
                              std::chrono::nanoseconds max_lifetime);

[[noreturn]] FANOUT_EXPORT void throw_released_lease();

}  // namespace fanout::detail
