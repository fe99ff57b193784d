#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <vector>

#include "fanout/detail/export.hpp"
#include "fanout/pool_statistics.hpp"

namespace fanout::detail {

/// A pool without the type of its resources: numbered slots, each with a resource or without, and their owners. The
/// typed side makes, validates, resets and destroys resources, on the thread that asks for it, under no lock.
class FANOUT_EXPORT slot_pool {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_size = std::size_t{1} << 20U;

  struct settings {
    std::size_t size;
    bool validates;
    bool resets;
    bool tracks;   // whether `outstanding` lists leases
    bool rotates;  // whether idle resources are lent in rotation; otherwise the one that came back last
    std::chrono::nanoseconds max_idle;
    std::chrono::nanoseconds max_lifetime;
  };

  slot_pool(const slot_pool&) = delete;
  slot_pool& operator=(const slot_pool&) = delete;

  /// Waits for a slot with a resource and lends it. `task` is the index of the task that gets it, or `none`.
  std::size_t acquire(const std::stop_token& stop, std::size_t task);

  /// The same. Returns `none` instead of waiting.
  std::size_t try_acquire(std::size_t task);

  /// The same, but waits no longer than until `limit`, and then returns `none`.
  std::size_t acquire_until(clock::time_point limit);

  /// Notes that the lease was moved. For the holder of the slot.
  void moved(std::size_t slot) noexcept;

  /// Ends the loan, with the resource or without it. The holder of a slot calls one of the two, once.
  void give_back(std::size_t slot) noexcept;
  void discard(std::size_t slot) noexcept;

  void close() noexcept;
  std::size_t size() const noexcept;
  std::size_t waiting() const noexcept;
  pool_statistics statistics() const;
  std::vector<outstanding_lease> outstanding() const;

  /// Throws a `pool_timeout` that says why no resource was free.
  [[noreturn]] void throw_timeout(std::chrono::nanoseconds waited) const;

 protected:
  explicit slot_pool(const settings& chosen);
  ~slot_pool();

  /// Makes a resource for every slot. For the constructor of the typed side.
  void fill();

 private:
  class engine;

  virtual void make(std::size_t slot) = 0;
  virtual void destroy(std::size_t slot) noexcept = 0;
  virtual bool validate(std::size_t slot) = 0;
  virtual void reset(std::size_t slot) = 0;

  const std::unique_ptr<engine> engine_;
};

/// Throws `std::invalid_argument` if no pool can be made with these arguments.
FANOUT_EXPORT void check_pool(std::size_t size, bool has_factory, std::chrono::nanoseconds max_idle,
                              std::chrono::nanoseconds max_lifetime);

[[noreturn]] FANOUT_EXPORT void throw_released_lease();

}  // namespace fanout::detail
