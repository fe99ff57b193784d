#include "competitors/parlaylib.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::parlay_parallel_for>();
  work::enter<perf::parlay_granularity_1>();
  return true;
}();

}  // namespace
