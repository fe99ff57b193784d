#include "competitors/taskflow.hpp"
#include "overhead/question.hpp"

namespace {

const bool entered = [] {
  overhead::enter<perf::taskflow_for_each_index>();
  overhead::enter<perf::taskflow_async>();
  return true;
}();

}  // namespace
