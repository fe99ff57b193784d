// Loops over indices: with results, into memory of your own, by ranges, and with scratch memory for each runner.
#include <fanout/fanout.hpp>

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <vector>

namespace {

struct image {
  int width;
  int height;
  std::vector<float> pixels;

  float* row(int y) { return pixels.data() + static_cast<std::ptrdiff_t>(y) * width; }
};

void brighten_rows(image& picture, int first, int last) {
  for (float* pixel = picture.row(first); pixel != picture.row(last); ++pixel) *pixel += 1;
}

}  // namespace

int main() {
  // A number n in place of a range: the items are 0 … n - 1.
  const std::vector<double> roots = fanout::map_in_parallel(1'000, [](int i) { return std::sqrt(i); });

  // The results go where they are wanted. Nothing is allocated for them.
  std::vector<double> squares(roots.size());
  fanout::map_in_parallel_into(squares, roots, [](double root) { return root * root; });

  // One call for many indices.
  image picture{640, 480, std::vector<float>(640UL * 480)};
  fanout::for_each_range(picture.height, [&](int first, int last) { brighten_rows(picture, first, last); });

  // Scratch memory for each runner, which no two tasks use at the same time.
  const int threads = 4;
  std::vector<std::vector<int>> scratch(threads);
  const auto sum_below = [&](int n, const fanout::task_context& context) {
    std::vector<int>& numbers = scratch[context.runner()];
    numbers.resize(static_cast<std::size_t>(n));  // keeps its memory from task to task
    std::iota(numbers.begin(), numbers.end(), 0);
    return std::accumulate(numbers.begin(), numbers.end(), 0);
  };
  const std::vector<int> sums = fanout::map_in_parallel(100, sum_below, threads);

  const double light = std::accumulate(picture.pixels.begin(), picture.pixels.end(), 0.0);
  std::printf("%.1f %.1f %d\n", squares[49], light, sums[10]);
  return std::abs(squares[49] - 49) < 1e-9 && light == 640.0 * 480 && sums[10] == 45 ? 0 : 1;
}
