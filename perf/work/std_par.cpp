#include "competitors/std_par.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::std_par>();
  return true;
}();

}  // namespace
