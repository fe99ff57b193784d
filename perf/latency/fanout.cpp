#include "competitors/fanout.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::fanout_executor>();
  latency::enter<perf::fanout_again>();
  latency::enter_cold<perf::fanout_executor>();
  latency::enter_cold<perf::fanout_again>();
  return true;
}();

}  // namespace
