#include "competitors/std_par.hpp"
#include "nested/question.hpp"

namespace {

const bool entered = [] {
  nested::enter<perf::std_par>();
  return true;
}();

}  // namespace
