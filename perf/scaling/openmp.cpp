#include "competitors/openmp.hpp"
#include "scaling/question.hpp"

namespace {

const bool entered = [] {
  scaling::enter<perf::openmp_dynamic>();
  return true;
}();

}  // namespace
