#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

#include "admission/admission_line.hpp"
#include "admission/gate.hpp"
#include "admission/rate_window.hpp"
#include "base/primitives.hpp"
#include "fanout/admission.hpp"

namespace fanout {
namespace detail {

using rate_window = basic_rate_window<std::chrono::steady_clock>;
using rate_line = basic_admission_line<std_primitives, rate_window>;

class rate_state {
 public:
  rate_state(std::size_t starts, std::chrono::nanoseconds per) : line(starts, per) {}

  const std::uint64_t order = next_order();
  rate_line line;

 private:
  /// After all budgets, and in the order in which limits are made.
  static std::uint64_t next_order() noexcept {
    static std::atomic<std::uint64_t> next{std::uint64_t{1} << 63U};
    return next.fetch_add(1, std::memory_order_relaxed);  // any order is good that is the same for all batches
  }
};

namespace {

class rate_gate final : public gate {
 public:
  rate_gate(std::shared_ptr<rate_state> state, applicant& who) : state_(std::move(state)), mine_(who) {
    state_->line.open(mine_);
  }
  rate_gate(const rate_gate&) = delete;
  rate_gate& operator=(const rate_gate&) = delete;
  ~rate_gate() override { state_->line.close(mine_); }

  admission_reply ask(std::size_t index, std::size_t /*running*/) override {
    const auto reply = state_->line.ask(mine_, {task(index)});
    return {.what = reply.taken ? admission_reply::kind::yes : admission_reply::kind::wait, .until = reply.again_at};
  }

  void leave() noexcept override { state_->line.leave(mine_); }
  void step_aside() noexcept override { state_->line.step_aside(mine_); }

  void begin(std::size_t index) noexcept override {
    state_->line.change([&](rate_window& window) {
      window.begin(task(index));
      return false;
    });
  }

  void end(std::size_t index) noexcept override {
    state_->line.change([&](rate_window& window) { return window.drop(task(index)); });
  }

 private:
  task_key task(std::size_t index) const { return {&mine_.who, index}; }

  const std::shared_ptr<rate_state> state_;
  rate_line::place mine_;
};

class rate_rule final : public admission_rule {
 public:
  explicit rate_rule(std::shared_ptr<rate_state> state) : state_(std::move(state)) {}

  std::unique_ptr<gate> open(std::size_t /*size*/, applicant& who) const override {
    return std::make_unique<rate_gate>(state_, who);
  }

  std::uint64_t order() const noexcept override { return state_->order; }

 private:
  const std::shared_ptr<rate_state> state_;
};

}  // namespace
}  // namespace detail

rate_limit::rate_limit(std::size_t starts, std::chrono::nanoseconds per) {
  if (starts == 0) throw std::invalid_argument("a rate_limit must allow at least 1 start");
  if (per.count() <= 0) throw std::invalid_argument("the time of a rate_limit must be more than 0");
  state_ = std::make_shared<detail::rate_state>(starts, per);
}

rate_limit::operator admission() const { return admission(std::make_shared<detail::rate_rule>(state_)); }

}  // namespace fanout
