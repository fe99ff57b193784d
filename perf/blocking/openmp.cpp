#include "competitors/openmp.hpp"
#include "blocking/question.hpp"

namespace {

const bool entered = [] {
  blocking::enter<perf::openmp_static>();
  blocking::enter<perf::openmp_dynamic>();
  blocking::enter<perf::openmp_guided>();
  blocking::enter_meetings<perf::openmp_static>();
  blocking::enter_meetings<perf::openmp_dynamic>();
  blocking::enter_meetings<perf::openmp_guided>();
  return true;
}();

}  // namespace
