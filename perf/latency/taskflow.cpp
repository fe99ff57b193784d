#include "competitors/taskflow.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::taskflow_for_each_index>();
  latency::enter<perf::taskflow_async>();
  return true;
}();

}  // namespace
