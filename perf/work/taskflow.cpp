#include "competitors/taskflow.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::taskflow_for_each_index>();
  work::enter<perf::taskflow_async>();
  return true;
}();

}  // namespace
