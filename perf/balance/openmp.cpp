#include "competitors/openmp.hpp"
#include "balance/question.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::openmp_static>();
  balance::enter<perf::openmp_dynamic>();
  balance::enter<perf::openmp_guided>();
  return true;
}();

}  // namespace
