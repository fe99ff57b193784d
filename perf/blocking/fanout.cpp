#include "competitors/fanout.hpp"
#include "blocking/question.hpp"

namespace {

const bool entered = [] {
  blocking::enter<perf::fanout_executor>();
  blocking::enter<perf::fanout_again>();
  blocking::enter<perf::fanout_automatic>();
  blocking::enter_meetings<perf::fanout_executor>();
  blocking::enter_meetings<perf::fanout_again>();
  return true;
}();

}  // namespace
