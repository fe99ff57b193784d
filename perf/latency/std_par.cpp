#include "competitors/std_par.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::std_par>();
  latency::enter_named<perf::std_par>();
  return true;
}();

}  // namespace
