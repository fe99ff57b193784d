#include "competitors/parlaylib.hpp"
#include "balance/question.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::parlay_parallel_for>();
  balance::enter<perf::parlay_granularity_1>();
  return true;
}();

}  // namespace
