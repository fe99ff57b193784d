#include "competitors/std_par.hpp"
#include "blocking/question.hpp"

namespace {

const bool entered = [] {
  blocking::enter<perf::std_par>();
  return true;
}();

}  // namespace
