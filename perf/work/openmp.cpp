#include "competitors/openmp.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::openmp_static>();
  work::enter<perf::openmp_dynamic>();
  return true;
}();

}  // namespace
