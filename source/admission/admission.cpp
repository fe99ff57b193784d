#include "fanout/admission.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "admission/gate.hpp"
#include "fanout/detail/time_limit.hpp"
#include "fanout/error.hpp"

namespace fanout {
namespace detail {

using rule_function = std::function<admission_answer(std::size_t index)>;

/// A rule of the user. It has no state of its own, so a batch that waits for it is in no line.
class rule_of_user final : public admission_rule {
 public:
  explicit rule_of_user(rule_function ask) : ask_(std::make_shared<const rule_function>(std::move(ask))) {
    if (!*ask_) throw std::invalid_argument("the rule of an admission is an empty function");
  }

  std::unique_ptr<gate> open(std::size_t /*size*/, applicant& /*who*/) const override {
    return std::make_unique<asking>(ask_);
  }

  std::uint64_t order() const noexcept override { return 0; }

 private:
  class asking final : public gate {
   public:
    explicit asking(std::shared_ptr<const rule_function> ask) : ask_(std::move(ask)) {}

    admission_reply ask(std::size_t index, std::size_t /*running*/) override { return reply_of((*ask_)(index)); }

   private:
    const std::shared_ptr<const rule_function> ask_;
  };

  static admission_reply reply_of(const admission_answer& answer) {
    switch (answer.what_) {
      case admission_answer::kind::not_yet:
        return {.what = admission_reply::kind::wait, .until = again_at(answer.again_)};
      case admission_answer::kind::never:
        return {.what = admission_reply::kind::never, .why = std::make_exception_ptr(task_refused(answer.why_))};
      case admission_answer::kind::yes: break;
    }
    return {};
  }

  static std::chrono::steady_clock::time_point again_at(std::chrono::nanoseconds wait) {
    constexpr std::chrono::nanoseconds shortest = std::chrono::milliseconds(1);
    return after(std::chrono::steady_clock::now(), std::max(wait, shortest));
  }

  const std::shared_ptr<const rule_function> ask_;
};

}  // namespace detail

admission_answer admission_answer::yes() { return admission_answer(kind::yes); }

admission_answer admission_answer::not_yet(std::chrono::nanoseconds ask_again_after) {
  admission_answer answer(kind::not_yet);
  answer.again_ = ask_again_after;
  return answer;
}

admission_answer admission_answer::never(std::string why) {
  admission_answer answer(kind::never);
  answer.why_ = std::move(why);
  return answer;
}

admission::admission(std::function<admission_answer(std::size_t index)> ask)
    : rule_(std::make_shared<detail::rule_of_user>(std::move(ask))) {}

admission::admission(std::shared_ptr<detail::admission_rule> rule) noexcept : rule_(std::move(rule)) {}

}  // namespace fanout
