#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// What the fuzz targets share. A target is a function that an engine calls with one input after the other: libFuzzer,
/// which makes them up, or replay.cpp, which reads them from files. Whatever breaks a promise ends the process.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the process unless the promise is kept.
inline void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "A promise is broken: %s\n", what);
  std::abort();
}

/// Whether text, as UTF-8, could do more to a terminal than write on it. Line ends are no harm if they are allowed.
inline bool steers_a_terminal(std::string_view text, bool lines_allowed) {
  for (std::size_t at = 0; at != text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\n' && lines_allowed) continue;
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && at + 1 != text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0 &&
        static_cast<unsigned char>(text[at + 1]) >= 0x80) {
      return true;
    }
  }
  return false;
}

}  // namespace fuzz
