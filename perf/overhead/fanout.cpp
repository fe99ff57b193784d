#include "competitors/fanout.hpp"
#include "overhead/question.hpp"

namespace {

const bool entered = [] {
  overhead::enter<perf::fanout_executor>();
  overhead::enter<perf::fanout_again>();
  overhead::enter<perf::fanout_automatic>();
  overhead::enter<perf::fanout_in_place>();
#if __has_include(<fanout/for_each_range.hpp>)
  overhead::enter<perf::fanout_into>();
  overhead::enter<perf::fanout_ranges>();
#endif
  overhead::enter_functions<perf::fanout_executor>();
  overhead::enter_functions<perf::fanout_again>();
  return true;
}();

}  // namespace
