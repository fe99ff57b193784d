#pragma once

#include <stop_token>
#include <utility>

#include "fanout/detail/tsan.hpp"

namespace fanout::detail {

/// Requests a stop by the functions of the program, if it has some.
inline void request_stop(std::stop_source& asked, const stop_functions* functions) noexcept {
  functions != nullptr ? functions->request(asked) : static_cast<void>(asked.request_stop());
}

/// A call of this function object.
template <class F>
stop_call call_of(F& function) noexcept {
  return {&function, [](void* object) noexcept { (*static_cast<F*>(object))(); }};
}

/// A `std::stop_callback` that the functions of the program register and destroy, if it has some.
class stop_forwarder {
 public:
  explicit stop_forwarder(const stop_functions* functions) noexcept : functions_(functions) {}
  stop_forwarder(const stop_forwarder&) = delete;
  stop_forwarder& operator=(const stop_forwarder&) = delete;
  ~stop_forwarder() { end(); }

  /// A stop of this token, if there can be one, calls `to`: at once if it was requested before. Requires that it does
  /// not forward yet.
  void begin(std::stop_token of, const stop_call& to) noexcept {
    if (functions_ != nullptr) return functions_->forward(here_, std::move(of), to);
    if (of.stop_possible()) here_.emplace(std::move(of), to);
  }

  /// `to` is not called any more. If it is being called by another thread, waits until it has returned.
  void end() noexcept {
    if (here_) functions_ != nullptr ? functions_->end(here_) : here_.reset();
  }

 private:
  const stop_functions* const functions_;
  forwarded_stop here_{};
};

}  // namespace fanout::detail
