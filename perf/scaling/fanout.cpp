#include "competitors/fanout.hpp"
#include "scaling/question.hpp"

namespace {

const bool entered = [] {
  scaling::enter<perf::fanout_executor>();
  scaling::enter<perf::fanout_again>();
  return true;
}();

}  // namespace
