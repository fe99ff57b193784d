#include "competitors/serial.hpp"
#include "nested/question.hpp"

namespace {

const bool entered = [] {
  nested::enter<perf::serial>();
  return true;
}();

}  // namespace
