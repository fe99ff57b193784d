// Items whose references are objects, and results that are larger than a stack.
#include <fanout/fanout.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace {

struct tile {
  std::array<char, std::size_t{16} << 20U> pixels;
};

tile render(int color) { return {{static_cast<char>(color)}}; }

}  // namespace

int main() {
  // Bits, at any limit: neighbours share a word of memory, and no write is lost.
  std::vector<bool> flags(1'000);
  fanout::map_in_parallel(flags, [](auto&& flag) { flag = true; });

  // Each result is constructed where it stays, in the vector, and never on a stack.
  const std::vector<tile> tiles = fanout::map_in_parallel(3, [](int i) { return render(i); });

  const auto set = std::count(flags.begin(), flags.end(), true);
  std::printf("%td flags are set; the last tile begins with %d\n", set, tiles.back().pixels[0]);
  return set == 1'000 && tiles.back().pixels[0] == 2 ? 0 : 1;
}
