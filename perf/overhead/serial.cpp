#include "competitors/serial.hpp"
#include "overhead/question.hpp"

namespace {

const bool entered = [] {
  overhead::enter<perf::serial>();
  overhead::enter_functions<perf::serial>();
  return true;
}();

}  // namespace
