#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "admission/admission_line.hpp"
#include "admission/budget_shares.hpp"
#include "admission/gate.hpp"
#include "base/primitives.hpp"
#include "executor/batch_scope.hpp"
#include "fanout/admission.hpp"

namespace fanout {
namespace detail {

using budget_line = basic_admission_line<std_primitives, budget_shares>;

class budget_state {
 public:
  explicit budget_state(std::uint64_t most) : capacity(most), line(most) {}

  const std::uint64_t capacity;
  const std::uint64_t order = next_order();
  budget_line line;

 private:
  /// After the rules that have the numbers 0 and 1, and in the order in which budgets are made.
  static std::uint64_t next_order() noexcept {
    static std::atomic<std::uint64_t> last{1};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;  // any order is good that is the same for all batches
  }
};

namespace {

class budget_gate final : public gate {
 public:
  budget_gate(std::shared_ptr<budget_state> state, std::vector<budget_share> shares, applicant& who)
      : state_(std::move(state)), shares_(std::move(shares)), mine_(who) {
    state_->line.open(mine_);
  }
  budget_gate(const budget_gate&) = delete;
  budget_gate& operator=(const budget_gate&) = delete;
  ~budget_gate() override { state_->line.close(mine_); }

  admission_reply ask(std::size_t index, std::size_t /*running*/) override {
    if (shares_[index].cost == 0) {
      leave();
      return {};
    }
    const auto reply = state_->line.ask(mine_, {&shares_[index]});
    return {.what = reply.taken ? admission_reply::kind::yes : admission_reply::kind::wait, .until = reply.again_at};
  }

  void leave() noexcept override { state_->line.leave(mine_); }
  void step_aside() noexcept override { state_->line.step_aside(mine_); }

  void begin(std::size_t index) noexcept override {
    const scope_entry* const here = current_entry();
    if (here != nullptr) shares_[index].holder.store(here->id(), std::memory_order_relaxed);
  }

  void end(std::size_t index) noexcept override {
    budget_share& share = shares_[index];
    if (share.cost == 0) return;
    state_->line.change([&](budget_shares& shares) { return shares.give_back(share); });
  }

 private:
  const std::shared_ptr<budget_state> state_;
  std::vector<budget_share> shares_;
  budget_line::place mine_;
};

class budget_rule final : public admission_rule {
 public:
  budget_rule(std::shared_ptr<budget_state> state, std::function<std::uint64_t(std::size_t)> cost)
      : state_(std::move(state)), cost_(std::move(cost)) {}

  std::unique_ptr<gate> open(std::size_t size, applicant& who) const override {
    std::vector<budget_share> shares(size);
    for (std::size_t index = 0; index != size; ++index) {
      const std::uint64_t cost = cost_(index);
      if (cost > state_->capacity)
        throw std::invalid_argument("task " + std::to_string(index) + " costs " + std::to_string(cost) +
                                    ", more than the resource_budget of " + std::to_string(state_->capacity) + " has");
      shares[index].cost = cost;
    }
    return std::make_unique<budget_gate>(state_, std::move(shares), who);
  }

  std::uint64_t order() const noexcept override { return state_->order; }

 private:
  const std::shared_ptr<budget_state> state_;
  const std::function<std::uint64_t(std::size_t)> cost_;
};

std::uint64_t checked_capacity(std::uint64_t capacity) {
  if (capacity == 0) throw std::invalid_argument("the capacity of a resource_budget must be at least 1");
  return capacity;
}

}  // namespace
}  // namespace detail

resource_budget::resource_budget(std::uint64_t capacity)
    : state_(std::make_shared<detail::budget_state>(detail::checked_capacity(capacity))) {}

std::uint64_t resource_budget::capacity() const noexcept { return state_->capacity; }

std::uint64_t resource_budget::in_use() const noexcept {
  return state_->line.look([](const detail::budget_shares& shares) { return shares.in_use(); });
}

std::size_t resource_budget::waiting() const noexcept { return state_->line.waiting(); }

admission resource_budget::by(std::function<std::uint64_t(std::size_t index)> cost) const {
  if (!cost) throw std::invalid_argument("the cost of a resource_budget is an empty function");
  return admission(std::make_shared<detail::budget_rule>(state_, std::move(cost)));
}

}  // namespace fanout
