#include "competitors/fanout.hpp"
#include "overhead/question.hpp"

namespace {

const bool entered = [] {
  overhead::enter<perf::fanout_executor>();
  overhead::enter<perf::fanout_again>();
  overhead::enter<perf::fanout_automatic>();
  overhead::enter<perf::fanout_in_place>();
  overhead::enter_functions<perf::fanout_executor>();
  overhead::enter_functions<perf::fanout_again>();
  return true;
}();

}  // namespace
