#include "competitors/dispenso.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::dispenso_parallel_for>();
  latency::enter<perf::dispenso_adaptive>();
  latency::enter<perf::dispenso_task_set>();
  return true;
}();

}  // namespace
