#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

/// Checksums that notice a wrong, missing or misplaced result. They protect against mistakes, not against malice.
namespace tool {

/// Spreads every bit of `value` over all bits (the finaliser of SplitMix64).
constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

/// The checksum of a sequence that has `checksum` so far and goes on with `value`. The order counts.
constexpr std::uint64_t combine(std::uint64_t checksum, std::uint64_t value) {
  return mix(checksum + 0x9e3779b97f4a7c15U) ^ mix(value + 0xd1b54a32d192ed03U) * 3;
}

/// Goes on with the bytes, eight at a time: some 3 GB/s, so that it does not drown the work it checks.
inline std::uint64_t combine_bytes(std::uint64_t checksum, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = bytes.size() < sizeof(word) ? bytes.size() : sizeof(word);
    std::memcpy(&word, bytes.data(), size);
    checksum = mix(checksum ^ word) + 0x9e3779b97f4a7c15U;
    bytes = bytes.subspan(size);
  }
  return checksum;
}

/// The checksum of bytes that come in pieces. It does not depend on how they are divided.
class piecewise_checksum {
 public:
  void add(std::span<const char> piece) {
    size_ += piece.size();
    while (!piece.empty()) {
      const std::size_t count = std::min(piece.size(), sizeof(word_) - filled_);
      std::memcpy(reinterpret_cast<char*>(&word_) + filled_, piece.data(), count);
      filled_ += count;
      piece = piece.subspan(count);
      if (filled_ == sizeof(word_)) take_word();
    }
  }

  std::uint64_t value() const { return combine(mix(sum_ ^ word_), size_); }

 private:
  void take_word() {
    sum_ = mix(sum_ ^ word_) + 0x9e3779b97f4a7c15U;
    word_ = 0;
    filled_ = 0;
  }

  std::uint64_t sum_ = 0;
  std::uint64_t word_ = 0;  // the bytes that do not fill a word yet, and zeros
  std::size_t filled_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace tool
