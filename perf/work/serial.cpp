#include "competitors/serial.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::serial>();
  return true;
}();

}  // namespace
