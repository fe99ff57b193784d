#include "machine/available_memory.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "fanout/admission.hpp"

// The files, as proc(5) and the kernel's cgroup-v2.rst and cgroup-v1/memory.rst describe them:
//
//   /proc/meminfo             MemAvailable:   16291344 kB    what the machine could give without swapping
//   <group>/memory.max, <group>/memory.high                  version 2: limits in bytes, or "max"
//   <group>/memory.current    1234567                        what the group and those in it use, in bytes
//   <group>/memory.stat       inactive_file 4096             of that, …
//   <group>/memory.limit_in_bytes, <group>/memory.usage_in_bytes, and in memory.stat total_inactive_file   version 1
//
// What a group uses includes the file cache on its behalf, which the kernel drops before it swaps or kills: all of
// it, that is the lists `inactive_file` and `active_file`. (The kernel counts both in MemAvailable. kubelet subtracts
// only the first one, so a process that has read a large file twice looks as if it had no memory left: kubernetes
// issue 43916.) Files in memory, of tmpfs, are in neither list, because they can only be swapped.
namespace fanout::detail {
namespace {

constexpr std::uint64_t unlimited_memory = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> whole_number(std::string_view word) {
  std::uint64_t value = 0;
  const auto* const end = word.data() + word.size();
  const auto [parsed, error] = std::from_chars(word.data(), end, value);
  return error == std::errc{} && parsed == end ? std::optional(value) : std::nullopt;
}

/// The number that is the only word of a file.
std::optional<std::uint64_t> whole_number_in(const file_reader& read_file, const std::string& path) {
  const auto words = words_in(read_file, path);
  return words.size() == 1 ? whole_number(words[0]) : std::nullopt;
}

/// The sum of two values in a file of names and values; 0 for those that are not there.
std::uint64_t sum_in(const file_reader& read_file, const std::string& path, std::string_view one,
                     std::string_view other) {
  const auto words = words_in(read_file, path);
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at + 1 < words.size(); at += 2) {
    if (words[at] != one && words[at] != other) continue;
    const std::uint64_t value = whole_number(words[at + 1]).value_or(0);
    sum = value > unlimited_memory - sum ? unlimited_memory : sum + value;
  }
  return sum;
}

std::uint64_t left_in(const file_reader& read_file, const control_group& group) {
  const auto file = [&](const char* name) { return group.directory + name; };
  std::uint64_t limit = unlimited_memory;
  if (group.version_2) {
    for (const char* const each : {"memory.max", "memory.high"})  // "max" is no number
      limit = std::min(limit, whole_number_in(read_file, file(each)).value_or(unlimited_memory));
  } else {
    limit = whole_number_in(read_file, file("memory.limit_in_bytes")).value_or(unlimited_memory);
    if (limit >= std::uint64_t{1} << 62U) limit = unlimited_memory;  // without a limit it is 2^63 less a page
  }
  if (limit == unlimited_memory) return unlimited_memory;
  const auto used = whole_number_in(read_file, file(group.version_2 ? "memory.current" : "memory.usage_in_bytes"));
  if (!used) return unlimited_memory;
  const std::uint64_t cache = group.version_2
                                  ? sum_in(read_file, file("memory.stat"), "inactive_file", "active_file")
                                  : sum_in(read_file, file("memory.stat"), "total_inactive_file", "total_active_file");
  const std::uint64_t needed = *used - std::min(*used, cache);
  return limit - std::min(limit, needed);
}

/// What the machine has available.
std::uint64_t left_in_machine(const file_reader& read_file) {
  constexpr std::uint64_t kilobyte = 1024;
  const auto words = words_in(read_file, "/proc/meminfo");
  const auto name = std::find(words.begin(), words.end(), "MemAvailable:");
  if (words.end() - name < 3 || name[2] != "kB") return unlimited_memory;
  const std::uint64_t value = whole_number(name[1]).value_or(unlimited_memory);
  return value > unlimited_memory / kilobyte ? unlimited_memory : value * kilobyte;
}

}  // namespace

std::uint64_t available_memory(const file_reader& read_file) {
  std::uint64_t least = left_in_machine(read_file);
  for_each_control_group(read_file, "memory", [&](const control_group& group) {
    least = std::min(least, left_in(read_file, group));
  });
  return least;
}

std::uint64_t recently_available_memory() {
  using clock = std::chrono::steady_clock;
  // Written by each thread that finds the value too old, and read by all that ask. The time is released after the
  // value and acquired before it, so the value is the one to which the time belongs, or a newer one. Two threads may
  // read the files at once; either result is good.
  static std::atomic<std::uint64_t> value{0};
  static std::atomic<clock::rep> good_until{std::numeric_limits<clock::rep>::min()};

  const clock::time_point before = clock::now();
  if (before.time_since_epoch().count() < good_until.load(std::memory_order_acquire))
    return value.load(std::memory_order_relaxed);
  const std::uint64_t fresh = available_memory(read_small_file);
  // On a loaded virtual machine it took 700 us to read them, which must not slow down each task.
  const clock::time_point after = clock::now();
  const clock::duration good_for = std::max<clock::duration>(std::chrono::milliseconds(1), 20 * (after - before));
  value.store(fresh, std::memory_order_relaxed);
  good_until.store((after + good_for).time_since_epoch().count(), std::memory_order_release);
  return fresh;
}

}  // namespace fanout::detail

namespace fanout {

std::uint64_t available_memory() { return detail::available_memory(detail::read_small_file); }

}  // namespace fanout
