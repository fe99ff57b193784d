#include "competitors/std_par.hpp"
#include "balance/question.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::std_par>();
  return true;
}();

}  // namespace
