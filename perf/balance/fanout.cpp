#include "competitors/fanout.hpp"
#include "balance/question.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::fanout_executor>();
  balance::enter<perf::fanout_again>();
  balance::enter<perf::fanout_automatic>();
  return true;
}();

}  // namespace
