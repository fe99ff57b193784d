#include "competitors/parlaylib.hpp"
#include "scaling/question.hpp"

namespace {

const bool entered = [] {
  scaling::enter<perf::parlay_parallel_for>();
  return true;
}();

}  // namespace
