#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define FANOUT_X86_64 1
#else
#include <cfenv>
#endif

/// How a thread computes with floating-point numbers: the direction of rounding, which exceptions trap, and whether
/// denormal numbers are flushed to zero.
///
/// A new thread inherits this from the thread that creates it, and oneTBB sets it on its workers as it was when an
/// arena was made. For a batch, both may be some other part of the program. So a helper takes over the settings of
/// the thread that made the call.
namespace fanout::detail {

/// The settings of a thread. Two reads of registers on x86-64; elsewhere what `std::fegetenv` costs.
class float_settings {
 public:
  static float_settings of_this_thread() noexcept;

  /// Gives this thread these settings. On x86-64 the status flags of SSE, which say what happened so far, stay.
  void apply() const noexcept;

  /// Whether a floating-point exception may end the program.
  bool may_trap() const noexcept;
  float_settings without_traps() const noexcept;

  friend bool operator==(const float_settings& one, const float_settings& other) noexcept {
#ifdef FANOUT_X86_64
    return one.sse_ == other.sse_ && one.x87_ == other.x87_;
#else
    return &one == &other;  // a `fenv_t` cannot be compared
#endif
  }

 private:
#ifdef FANOUT_X86_64
  static constexpr unsigned status_flags = 0x3f;  // in MXCSR; those of the x87 are in a register of their own
  static constexpr unsigned sse_masks = 0x3fU << 7U;
  static constexpr unsigned x87_masks = 0x3f;

  unsigned sse_;
  unsigned short x87_;
#else
  std::fenv_t environment_;
#endif
};

/// Gives this thread some settings until the end of the scope, and then again those that it had.
class with_float_settings {
 public:
  explicit with_float_settings(const float_settings& wanted) noexcept {
    if (!(before_ == wanted)) wanted.apply();
  }
  with_float_settings(const with_float_settings&) = delete;
  with_float_settings& operator=(const with_float_settings&) = delete;
  ~with_float_settings() {
    if (!(float_settings::of_this_thread() == before_)) before_.apply();
  }

 private:
  const float_settings before_ = float_settings::of_this_thread();
};

/// Lets no floating-point exception trap until the end of the scope. For fanout's own arithmetic, which runs between
/// the tasks: the program of a caller that wants traps means its own.
class without_float_traps {
 public:
  without_float_traps() noexcept {
    if (before_.may_trap()) before_.without_traps().apply();
  }
  without_float_traps(const without_float_traps&) = delete;
  without_float_traps& operator=(const without_float_traps&) = delete;
  ~without_float_traps() {
    if (before_.may_trap()) before_.apply();
  }

 private:
  const float_settings before_ = float_settings::of_this_thread();
};

#ifdef FANOUT_X86_64

inline bool float_settings::may_trap() const noexcept {
  return (sse_ & sse_masks) != sse_masks || (x87_ & x87_masks) != x87_masks;
}

inline float_settings float_settings::without_traps() const noexcept {
  float_settings calm = *this;
  calm.sse_ |= sse_masks;
  calm.x87_ = static_cast<unsigned short>(calm.x87_ | x87_masks);
  return calm;
}

inline float_settings float_settings::of_this_thread() noexcept {
  float_settings now;
  now.sse_ = __builtin_ia32_stmxcsr() & ~status_flags;
  asm volatile("fnstcw %0" : "=m"(now.x87_));
  return now;
}

inline void float_settings::apply() const noexcept {
  __builtin_ia32_ldmxcsr(sse_ | (__builtin_ia32_stmxcsr() & status_flags));
  // If an exception of the x87 is to trap, its flags are cleared first: one that is set would trap at once.
  if ((x87_ & x87_masks) != x87_masks) asm volatile("fnclex");
  asm volatile("fldcw %0" : : "m"(x87_));
}

#else

// Where they cannot be told, traps are switched off all the time.
inline bool float_settings::may_trap() const noexcept { return true; }

inline float_settings float_settings::without_traps() const noexcept {
  float_settings calm;
  std::feholdexcept(&calm.environment_);
  std::fegetenv(&calm.environment_);
  return calm;
}

inline float_settings float_settings::of_this_thread() noexcept {
  float_settings now;
  std::fegetenv(&now.environment_);
  return now;
}

inline void float_settings::apply() const noexcept { std::fesetenv(&environment_); }

#endif

}  // namespace fanout::detail
