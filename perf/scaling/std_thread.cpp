#include "competitors/std_thread_pool.hpp"
#include "scaling/question.hpp"

namespace {

const bool entered = [] {
  scaling::enter<perf::std_thread_pool>();
  return true;
}();

}  // namespace
