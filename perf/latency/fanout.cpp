#include "competitors/fanout.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::fanout_executor>();
  latency::enter<perf::fanout_again>();
  latency::enter<perf::fanout_automatic>();
  latency::enter_cold<perf::fanout_executor>();
  latency::enter_cold<perf::fanout_again>();
  latency::enter_named<perf::fanout_named>();
  latency::enter_named<perf::fanout_named_again>();
  latency::enter_making<perf::fanout_executor>();
  latency::enter_making<perf::fanout_again>();
  return true;
}();

}  // namespace
