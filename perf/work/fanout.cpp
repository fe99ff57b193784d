#include "competitors/fanout.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::fanout_executor>();
  work::enter<perf::fanout_again>();
  work::enter<perf::fanout_automatic>();
  return true;
}();

}  // namespace
