// A target with faults, to see that they would be noticed. The environment variable FANOUT_PLANTED says which one there
// is: crash, exception, hang or overread. It is met by inputs that begin with "met".

#include <stdexcept>
#include <string>

#include "fuzz.hpp"

namespace {

std::string planted() {
  const char* const name = std::getenv("FANOUT_PLANTED");
  return name == nullptr ? "" : name;
}

// Reads the byte behind the input, which only a sanitizer sees.
std::uint8_t byte_behind(const std::uint8_t* data, std::size_t size) {
  const volatile std::uint8_t* const end = data + size;
  return *end;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string fault = planted();
  if (size < 3 || data[0] != 'm' || data[1] != 'e' || data[2] != 't') return 0;
  if (fault == "crash") std::abort();
  if (fault == "exception") throw std::runtime_error("planted");
  if (fault == "hang") {
    for (const volatile bool forever = true; forever;) {
    }
  }
  if (fault == "overread") return static_cast<int>(byte_behind(data, size) & 0U);
  return 0;
}
