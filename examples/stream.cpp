// Streams: inputs that need not fit into memory, results while later items are still being mapped.
#include <fanout/fanout.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <ranges>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using counts = std::map<std::string, int>;

counts count_words(const std::string& line) {
  counts found;
  std::istringstream words(line);
  for (const std::string& word : std::views::istream<std::string>(words)) ++found[word];
  return found;
}

/// Reads a line at a time: the text may be larger than memory, or come from a pipe.
counts count_words_of(std::istream& text) {
  const auto next_line = [&text]() -> std::optional<std::string> {
    std::string line;
    if (!std::getline(text, line)) return std::nullopt;
    return line;
  };
  counts all;
  for (const counts& each : fanout::stream_in_parallel(fanout::from_callable(next_line), count_words, {.ahead = 256}))
    for (const auto& [word, count] : each) all[word] += count;
  return all;
}

/// The fastest first, whatever its place in the source.
std::vector<int> in_the_order_of_their_time(const std::vector<int>& milliseconds) {
  const auto sleep = [](int time) {
    std::this_thread::sleep_for(std::chrono::milliseconds(time));
    return time;
  };
  std::vector<int> seen;
  auto results = fanout::stream_in_parallel(
      milliseconds, sleep, {.concurrency = milliseconds.size(), .order = fanout::delivery::as_completed});
  for (auto each = results.begin(); each != results.end(); ++each) {
    std::printf("after %d ms: item %zu\n", *each, each.index());
    seen.push_back(*each);
  }
  return seen;
}

/// The source never ends. Leaving the loop stops what runs, and waits for it.
long first_perfect_number_above(long limit) {
  const auto sum_of_divisors = [](long number) {
    long sum = 0;
    for (long divisor = 1; divisor <= number / 2; ++divisor) sum += number % divisor == 0 ? divisor : 0;
    return sum;
  };
  auto sums = fanout::stream_in_parallel(std::views::iota(limit + 1), sum_of_divisors, {.ahead = 256});
  for (auto each = sums.begin(); each != sums.end(); ++each) {
    const long number = limit + 1 + static_cast<long>(each.index());
    if (*each == number) return number;
  }
  return 0;
}

}  // namespace

int main() {
  std::istringstream text("the cat sat\non the mat\nand the dog\n");
  const counts words = count_words_of(text);
  for (const auto& [word, count] : words) std::printf("%s: %d\n", word.c_str(), count);

  const std::vector<int> times = in_the_order_of_their_time({300, 1, 150});

  const long perfect = first_perfect_number_above(28);
  std::printf("the first perfect number above 28 is %ld\n", perfect);

  return words.at("the") == 3 && std::ranges::is_sorted(times) && perfect == 496 ? 0 : 1;
}
