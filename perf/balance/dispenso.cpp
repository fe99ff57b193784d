#include "competitors/dispenso.hpp"
#include "balance/question.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::dispenso_parallel_for>();
  balance::enter<perf::dispenso_adaptive>();
  balance::enter<perf::dispenso_task_set>();
  return true;
}();

}  // namespace
