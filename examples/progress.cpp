// Progress of a long batch, told at most ten times a second and once at the end.
#include <fanout/fanout.hpp>

#include <chrono>
#include <cstdio>
#include <ranges>
#include <vector>

namespace {

long count_divisors(long number) {
  long count = 0;
  for (long divisor = 1; divisor <= number; ++divisor) count += number % divisor == 0 ? 1 : 0;
  return count;
}

}  // namespace

int main() {
  std::size_t last_told = 0;
  const std::vector<long> divisors = fanout::map_in_parallel(
      std::views::iota(1L, 5'001L), count_divisors,
      {.on_progress =
           [&](std::size_t completed, std::size_t total) {
             std::printf("%zu of %zu\n", completed, total);
             last_told = completed;  // calls never overlap
           },
       .progress_interval = std::chrono::milliseconds(100)});

  return divisors[11] == 6 && last_told == divisors.size() ? 0 : 1;  // 12 has the divisors 1, 2, 3, 4, 6 and 12
}
