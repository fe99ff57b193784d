#pragma once

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

}  // namespace tool
