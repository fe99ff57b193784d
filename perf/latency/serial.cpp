#include "competitors/serial.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::serial>();
  return true;
}();

}  // namespace
