#include "competitors/parlaylib.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::parlay_parallel_for>();
  latency::enter<perf::parlay_granularity_1>();
  return true;
}();

}  // namespace
