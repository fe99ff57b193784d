#include "competitors/tbb.hpp"
#include "scaling/question.hpp"

namespace {

const bool entered = [] {
  scaling::enter<perf::tbb_parallel_for>();
  return true;
}();

}  // namespace
