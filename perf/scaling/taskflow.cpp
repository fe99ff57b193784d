#include "competitors/taskflow.hpp"
#include "scaling/question.hpp"

namespace {

const bool entered = [] {
  scaling::enter<perf::taskflow_for_each_index>();
  return true;
}();

}  // namespace
