#include "competitors/openmp.hpp"
#include "overhead/question.hpp"

namespace {

const bool entered = [] {
  overhead::enter<perf::openmp_static>();
  overhead::enter<perf::openmp_dynamic>();
  overhead::enter<perf::openmp_guided>();
  return true;
}();

}  // namespace
