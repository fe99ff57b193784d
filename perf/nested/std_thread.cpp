#include "competitors/std_async.hpp"
#include "nested/question.hpp"

namespace {

const bool entered = [] {
  nested::enter<perf::std_async>();
  return true;
}();

}  // namespace
