#include "tuning/machine_load.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string>

#include "fanout/detail/machine.hpp"
#include "tuning/readable_file.hpp"

namespace fanout::detail {
namespace {

/// What the file schedstat of a thread says. Allocates nothing: there may be hundreds of threads.
std::optional<std::uint64_t> wait_of(int threads, std::string_view number) {
  constexpr std::string_view name = "/schedstat";
  std::array<char, 32> path{};  // ends in a null character wherever the text ends
  if (number.size() + name.size() >= path.size()) return std::nullopt;
  std::copy(name.begin(), name.end(), std::copy(number.begin(), number.end(), path.begin()));
  std::array<char, 96> text;  // three numbers of 20 digits at most
  const std::size_t size = readable_file(path.data(), threads).read(text.data(), text.size());
  return wait_in_schedstat({text.data(), size});
}

/// Takes the next number from the front of a text of numbers with blanks between them.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

std::optional<std::uint64_t> wait_in_schedstat(std::string_view text) {
  if (!take_number(text)) return std::nullopt;  // the time that the thread ran
  return take_number(text);
}

std::optional<thread_waits> waits_of_threads() {
  struct close {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, close> threads(::opendir("/proc/self/task"));
  if (threads == nullptr) return std::nullopt;
  thread_waits waits;
  while (const dirent* const entry = ::readdir(threads.get())) {
    const std::string_view name = entry->d_name;
    int number = 0;
    const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (fault != std::errc()) continue;  // "." and ".."
    const auto wait = wait_of(::dirfd(threads.get()), name);
    if (wait) waits.emplace_back(number, *wait);  // a thread without has just ended, or the system does not report it
  }
  if (waits.empty()) return std::nullopt;
  std::sort(waits.begin(), waits.end());
  return waits;
}

double seconds_waited(const thread_waits& before, const thread_waits& after) {
  std::uint64_t sum = 0;
  for (const auto& [number, wait] : after) {
    const auto same = std::lower_bound(before.begin(), before.end(), std::pair<int, std::uint64_t>(number, 0));
    const std::uint64_t earlier = same != before.end() && same->first == number ? same->second : 0;
    sum += wait >= earlier ? wait - earlier : wait;  // less: a new thread that got the number of one that ended
  }
  return static_cast<double>(sum) * 1e-9;
}

std::optional<cpu_times> times_in_stat(std::string_view text, bool (&counts)(unsigned cpu), double tick) {
  constexpr std::string_view name = "cpu";
  std::uint64_t busy = 0;
  std::uint64_t stolen = 0;
  std::uint64_t idle = 0;
  bool found = false;
  for (; text.starts_with(name); text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1)) {
    std::string_view line = text.substr(name.size(), text.find('\n') - name.size());
    if (line.starts_with(' ')) continue;  // the sum over all CPUs
    const auto cpu = take_number(line);
    std::array<std::uint64_t, 8> times{};  // user, nice, system, idle, iowait, irq, softirq, steal
    for (std::uint64_t& time : times) {
      const auto number = take_number(line);
      if (!number) return std::nullopt;
      time = *number;
    }
    if (!cpu || !counts(static_cast<unsigned>(*cpu))) continue;
    found = true;
    busy += times[0] + times[1] + times[2] + times[5] + times[6];
    idle += times[3] + times[4];
    stolen += times[7];
  }
  if (!found) return std::nullopt;
  return cpu_times{.busy = static_cast<double>(busy) * tick,
                   .stolen = static_cast<double>(stolen) * tick,
                   .all = static_cast<double>(busy + stolen + idle) * tick};
}

std::optional<cpu_times> times_of_cpus() {
  const long ticks = ::sysconf(_SC_CLK_TCK);
  if (ticks <= 0) return std::nullopt;
  return times_in_stat(readable_file("/proc/stat").rest(), may_run_on, 1 / static_cast<double>(ticks));
}

}  // namespace fanout::detail
