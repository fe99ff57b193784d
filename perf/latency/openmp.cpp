#include "competitors/openmp.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::openmp_static>();
  latency::enter<perf::openmp_dynamic>();
  latency::enter<perf::openmp_guided>();
  latency::enter_named<perf::openmp_static>();
  latency::enter_named<perf::openmp_dynamic>();
  latency::enter_named<perf::openmp_guided>();
  return true;
}();

}  // namespace
