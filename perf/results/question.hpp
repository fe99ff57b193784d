#pragma once

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// The question: what do results cost that are large, allocate, cannot be copied or have no default value, and is each of
/// them made where it stays?
namespace results {

inline constexpr std::size_t size = 100'000;

using eight_bytes = long;
using large = std::array<long, 32>;  // 256 bytes
using move_only = std::unique_ptr<long>;

class no_default {
 public:
  explicit no_default(long value) : value_(value) {}
  long value() const { return value_; }

 private:
  long value_;
};

template <class R>
R make(std::size_t index) {
  const long value = static_cast<long>(index);
  if constexpr (std::same_as<R, large>) {
    large result;
    for (std::size_t i = 0; i != result.size(); ++i) result[i] = value ^ static_cast<long>(i);
    return result;
  } else if constexpr (std::same_as<R, std::string>) {
    return std::string(64, static_cast<char>('a' + index % 26));
  } else if constexpr (std::same_as<R, move_only>) {
    return std::make_unique<long>(value);
  } else {
    return R(value);
  }
}

inline bool is_right(const eight_bytes& result, std::size_t index) { return result == static_cast<long>(index); }
inline bool is_right(const no_default& result, std::size_t index) {
  return result.value() == static_cast<long>(index);
}
template <class R>
bool is_right(const R& result, std::size_t index) {
  if constexpr (std::same_as<R, move_only>) {
    return result != nullptr && *result == static_cast<long>(index);
  } else {
    return result == make<R>(index);
  }
}

/// An R with a diary. One that is trivially copyable cannot know that it is copied, but where it was made: such a type is
/// counted as moved if it is elsewhere now.
template <class R>
class tracked {
 public:
  static void forget() { copies = moves = 0; }
  static inline std::atomic<std::size_t> copies{0};
  static inline std::atomic<std::size_t> moves{0};

  tracked() requires std::default_initializable<R>
  = default;
  tracked(std::in_place_t, std::size_t index) : value_(make<R>(index)) {}
  tracked(const tracked& other) requires std::copyable<R> : value_(other.value_) { ++copies; }
  tracked(tracked&& other) noexcept : value_(std::move(other.value_)) { ++moves; }
  tracked& operator=(const tracked& other) requires std::copyable<R> {
    value_ = other.value_;
    ++copies;
    return *this;
  }
  tracked& operator=(tracked&& other) noexcept {
    value_ = std::move(other.value_);
    ++moves;
    return *this;
  }

  bool has_moved() const { return false; }

 private:
  R value_;
};

template <class R>
requires std::is_trivially_copyable_v<R> && std::default_initializable<R>
class tracked<R> {
 public:
  static void forget() {}
  static constexpr std::size_t copies = 0;
  static constexpr std::size_t moves = 0;

  tracked() = default;
  tracked(std::in_place_t, std::size_t index) : value_(make<R>(index)), made_at_(this) {}

  bool has_moved() const { return made_at_ != this; }

 private:
  R value_{};
  const void* made_at_ = nullptr;
};

/// True for a result that functions return in registers, as bytes that no constructor sees.
template <class R>
inline constexpr bool in_registers = std::is_trivially_copyable_v<R> && sizeof(tracked<R>) <= 2 * sizeof(void*);

/// The moves that fanout allows itself: none; one for a type that no vector can hold before it is made.
template <class R>
inline constexpr std::size_t allowed_moves = !std::is_nothrow_default_constructible_v<R> || in_registers<R> ? 1 : 0;

/// A competitor has `map<R>(size, function)`, which returns a vector of what the function makes of 0 … size - 1.
template <class R, class Competitor>
void measure(benchmark::State& state, Competitor& competitor, bool must_keep_the_rule) {
  tracked<R>::forget();
  std::size_t moves = 0;
  {
    const auto results =
        competitor.template map<tracked<R>>(size, [](std::size_t index) { return tracked<R>(std::in_place, index); });
    for (const tracked<R>& each : results) moves += each.has_moved() ? 1U : 0U;
  }
  moves += tracked<R>::moves;
  const std::size_t copies = tracked<R>::copies;
  state.counters["copies"] = static_cast<double>(copies) / static_cast<double>(size);
  state.counters["moves"] = static_cast<double>(moves) / static_cast<double>(size);
  if (must_keep_the_rule && (copies != 0 || moves > allowed_moves<R> * size)) {
    state.SkipWithError("results were copied, or moved more often than is allowed");
    return;
  }

  std::vector<R> results;
  for (auto _ : state) {
    results = std::vector<R>();  // the destructors of the last ones are in the clock, for all alike
    results = competitor.template map<R>(size, &make<R>);
  }
  for (std::size_t i = 0; i != results.size(); ++i) {
    if (results.size() != size || !is_right(results[i], i)) return state.SkipWithError("wrong results");
  }
}

template <class Competitor>
void enter(const std::string& name, bool must_keep_the_rule = false) {
  const auto add = [&]<class R>(const char* workload, std::type_identity<R>) {
    if constexpr (!Competitor::needs_default || std::default_initializable<R>) {
      benchmark::RegisterBenchmark((std::string(workload) + "/" + name).c_str(), [must_keep_the_rule](
                                                                                     benchmark::State& state) {
        Competitor competitor;
        measure<R>(state, competitor, must_keep_the_rule);
      })->UseRealTime();
    }
  };
  add("8_bytes", std::type_identity<eight_bytes>());
  add("256_bytes", std::type_identity<large>());
  add("string_of_64", std::type_identity<std::string>());
  add("move_only", std::type_identity<move_only>());
  add("no_default", std::type_identity<no_default>());
}

}  // namespace results
