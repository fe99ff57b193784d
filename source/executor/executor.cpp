#include "fanout/executor.hpp"

#include <algorithm>
#include <stdexcept>

#include "executor/executor_core.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/machine.hpp"
#include "fanout/limits.hpp"

namespace fanout {
namespace {

detail::executor_core* make_core(const executor_options& options) {
  const std::size_t named = detail::checked_concurrency(options.concurrency);
  const std::size_t limit = named == automatic   ? available_concurrency()
                            : named == unlimited ? detail::most_unlimited
                                                 : named;
  auto core = std::make_unique<detail::executor_core>(limit, named != automatic, detail::executor_core::sharing::by_all);
  if (options.adaptive) core->adapt_from(std::min(limit, available_concurrency()));
  return core.release();
}

}  // namespace

executor::executor(const executor_options& options) : core_(make_core(options)) {}
executor::executor(executor&&) noexcept = default;
executor& executor::operator=(executor&&) noexcept = default;
executor::~executor() = default;

std::size_t executor::concurrency() const noexcept {
  return core_ ? std::min(core_->limit(), detail::application_limit()) : 0;
}

detail::executor_core& executor::core() const {
  if (!core_) throw std::logic_error("the executor has been moved from");
  return *core_;
}

void executor::core_deleter::operator()(detail::executor_core* core) const noexcept { delete core; }

void* detail::native_arena_of(const executor& owner) { return owner.core().workplace().native(); }

}  // namespace fanout
