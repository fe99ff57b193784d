#include "competitors/openmp.hpp"
#include "nested/question.hpp"

namespace {

const bool entered = [] {
  nested::enter<perf::openmp_static>();
  nested::enter<perf::openmp_dynamic>();
  nested::enter<perf::openmp_guided>();
  return true;
}();

}  // namespace
