#include "competitors/taskflow.hpp"
#include "balance/question.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::taskflow_for_each_index>();
  balance::enter<perf::taskflow_async>();
  return true;
}();

}  // namespace
