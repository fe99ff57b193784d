#include "competitors/fanout.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::fanout_executor>();
  work::enter<perf::fanout_again>();
  return true;
}();

}  // namespace
