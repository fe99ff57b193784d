#pragma once

#if defined(__SANITIZE_THREAD__)
#define FANOUT_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FANOUT_THREAD_SANITIZER 1
#endif
#endif

#include <optional>
#include <stop_token>
#include <utility>

#ifdef FANOUT_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

/// What fanout promises about the order of user code, for the ThreadSanitizer of a user's program.
///
/// The tool derives the happens-before order from the code that it instruments, and an installed fanout is not
/// instrumented. Headers are: they are compiled with the user's options. So the headers tell it where user code
/// begins and ends. They tell no more than the contract says, so that races of user code are still found. Without the
/// tool these functions do nothing.
namespace fanout::detail::tsan {

#ifdef FANOUT_THREAD_SANITIZER
inline constexpr bool enabled = true;

/// What this thread did before happens before what another does after a later `acquire` of the same address.
inline void release(const void* address) noexcept { __tsan_release(const_cast<void*>(address)); }
inline void acquire(const void* address) noexcept { __tsan_acquire(const_cast<void*>(address)); }
#else
inline constexpr bool enabled = false;

inline void release(const void*) noexcept {}
inline void acquire(const void*) noexcept {}
#endif

/// The order of a batch, on addresses of its own. What the caller did happens before all tasks. What a task did
/// happens before the progress callback is called the next time, and before the call returns or throws. The tasks are
/// not ordered with each other.
class order_of_batch {
 public:
  /// `object`: that of the `task_block`. It belongs to this batch alone, and is larger than two bytes.
  explicit order_of_batch(const void* object) noexcept : begin_(static_cast<const char*>(object)) {}

  void caller_begins() const noexcept { release(begin_); }
  void tasks_begin() const noexcept { acquire(begin_); }
  void tasks_end() const noexcept { release(begin_ + 1); }
  void progress_begins() const noexcept { acquire(begin_ + 1); }
  void progress_ends() const noexcept { release(begin_ + 1); }
  void caller_goes_on() const noexcept { acquire(begin_ + 1); }

 private:
  const char* begin_;
};

/// Around the tasks of a chunk.
class tasks_of_batch {
 public:
  explicit tasks_of_batch(const void* object) noexcept : order_(object) { order_.tasks_begin(); }
  tasks_of_batch(const tasks_of_batch&) = delete;
  tasks_of_batch& operator=(const tasks_of_batch&) = delete;
  ~tasks_of_batch() { order_.tasks_end(); }

 private:
  const order_of_batch order_;
};

/// Around the use of an object that the engine hands from one thread to the next.
class handed_on {
 public:
  explicit handed_on(const void* object) noexcept : object_(object) { acquire(object_); }
  handed_on(const handed_on&) = delete;
  handed_on& operator=(const handed_on&) = delete;
  ~handed_on() { release(object_); }

 private:
  const void* object_;
};

/// Around a call of the progress callback.
class progress_of_batch {
 public:
  explicit progress_of_batch(const order_of_batch& order) noexcept : order_(order) { order_.progress_begins(); }
  progress_of_batch(const progress_of_batch&) = delete;
  progress_of_batch& operator=(const progress_of_batch&) = delete;
  ~progress_of_batch() { order_.progress_ends(); }

 private:
  const order_of_batch order_;
};

/// A `batch_request::joined`.
inline void joined(const void* object) noexcept { order_of_batch(object).caller_goes_on(); }

}  // namespace fanout::detail::tsan

namespace fanout::detail {

/// What a stop calls.
struct stop_call {
  void* object;
  void (*call)(void* object) noexcept;
  void operator()() const noexcept { call(object); }
};
using forwarded_stop = std::optional<std::stop_callback<stop_call>>;

/// How the engine requests stops and registers what they call, if the program is compiled for ThreadSanitizer: the
/// tool sees the order of a callback with its registration and its destruction only where all three are compiled for
/// it. The same holds for the references to what a token shares with others: `forward` takes that of the token.
struct stop_functions {
  void (*request)(std::stop_source& asked) noexcept;
  void (*forward)(forwarded_stop& here, std::stop_token&& of, const stop_call& to) noexcept;
  void (*end)(forwarded_stop& here) noexcept;
};

namespace tsan {

inline void request_stop(std::stop_source& asked) noexcept { asked.request_stop(); }
inline void forward_stop(forwarded_stop& here, std::stop_token&& of, const stop_call& to) noexcept {
  const std::stop_token mine = std::move(of);
  if (mine.stop_possible()) here.emplace(mine, to);
}
inline void end_forwarding(forwarded_stop& here) noexcept { here.reset(); }

/// Null without the tool: then the engine does it itself.
inline constexpr stop_functions functions_of_program{&request_stop, &forward_stop, &end_forwarding};
inline constexpr const stop_functions* stops = enabled ? &functions_of_program : nullptr;

}  // namespace tsan
}  // namespace fanout::detail
