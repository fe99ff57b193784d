#include "competitors/fanout.hpp"
#include "nested/question.hpp"

namespace {

const bool entered = [] {
  nested::enter<perf::fanout_executor>();
  nested::enter<perf::fanout_again>();
  return true;
}();

}  // namespace
