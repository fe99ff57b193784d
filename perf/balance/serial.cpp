#include "competitors/serial.hpp"
#include "balance/question.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::serial>();
  return true;
}();

}  // namespace
