#include "competitors/dispenso.hpp"
#include "scaling/question.hpp"

namespace {

const bool entered = [] {
  scaling::enter<perf::dispenso_parallel_for>();
  scaling::enter<perf::dispenso_adaptive>();
  return true;
}();

}  // namespace
