#include "fanout/executor.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include "executor/executor_core.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/machine.hpp"
#include "fanout/limits.hpp"

namespace fanout {
namespace {

void check_stack_size(std::size_t bytes) {
  constexpr std::size_t smallest = std::size_t{64} << 10U;
  constexpr std::size_t largest = std::size_t{1} << 40U;
  if (bytes == 0 || (bytes >= smallest && bytes <= largest)) return;
  throw std::invalid_argument("stack_size must be 0, or between 64 KiB and 1 TiB in bytes; got " + std::to_string(bytes));
}

detail::executor_core* make_core(const executor_options& options) {
  const concurrency_limit& named = options.concurrency;
  detail::check_limit(named);
  check_stack_size(options.stack_size);
  const std::size_t limit = named == automatic   ? available_concurrency()
                            : named == unlimited ? detail::most_unlimited
                                                 : named.number();
  // The stacks of oneTBB's workers cannot be chosen for one arena.
  const bool has_own_threads = named != automatic || options.stack_size != 0;
  auto core = std::make_unique<detail::executor_core>(limit, has_own_threads, detail::executor_core::sharing::by_all,
                                                      options.stack_size);
  if (options.adaptive) core->adapt_from(std::min(limit, available_concurrency()));
  return core.release();
}

/// Not an assertion, because release builds have none. Without this check, another thread would crash.
void require_idle(detail::executor_core* core, const char* fate) noexcept {
  if (core == nullptr || core->limiter()->is_idle()) return;
  std::fprintf(stderr, "fanout: an executor is being %s while a batch runs on it\n", fate);
  std::abort();
}

}  // namespace

executor::executor(const executor_options& options) : core_(make_core(options)) {}
executor::executor(executor&& other) noexcept : core_(std::move(other.core_)) { require_idle(core_.get(), "moved"); }

executor& executor::operator=(executor&& other) noexcept {
  require_idle(other.core_.get(), "moved");
  core_ = std::move(other.core_);
  return *this;
}

executor::~executor() = default;

std::size_t executor::concurrency() const noexcept {
  return core_ ? std::min(core_->limiter()->allowed(), detail::application_limit()) : 0;
}

std::size_t executor::greatest_concurrency() const noexcept { return core_ ? core_->limit() : 0; }

void executor::set_concurrency(concurrency_limit limit) {
  detail::executor_core& of = core();
  if (!limit.is_number() || limit.number() < 1 || limit.number() > of.limit()) {
    const std::string got = !limit.is_number()           ? "no number"
                            : limit == concurrency_limit(limit.number()) ? std::to_string(limit.number())
                                                         : "a negative number";
    throw std::invalid_argument("concurrency must be between 1 and " + std::to_string(of.limit()) +
                                ", with which the executor was made; got " + got);
  }
  of.limiter()->allow(limit.number());
}

detail::executor_core& executor::core() const {
  if (!core_) throw std::logic_error("the executor has been moved from");
  return *core_;
}

void executor::core_deleter::operator()(detail::executor_core* core) const noexcept {
  require_idle(core, "destroyed");
  delete core;
}

void* detail::native_arena_of(const executor& owner) { return owner.core().workplace().native(); }

}  // namespace fanout
