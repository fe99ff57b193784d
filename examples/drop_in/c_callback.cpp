// A library in C takes its threads from a callback of its user's, which must not throw; and a function in C++ is called
// from C.
#include "c_callback.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// ── The library, which has a loop of its own ──

extern "C" {

using c_loop = void (*)(int count, void (*job)(void* data, int index), void* data, void* user);

struct c_library {
  c_loop loop;
  void* user;
};

struct c_blocks {
  const double* from;
  double* to;
};

void c_smooth_block(void* data, int block) {
  const c_blocks* const blocks = static_cast<const c_blocks*>(data);
  for (int i = block * 1'000; i != (block + 1) * 1'000; ++i)
    blocks->to[i] = (blocks->from[i] + blocks->from[i + 1] + blocks->from[i + 2]) / 3;
}

void c_smooth(const c_library* library, const double* from, double* to, int blocks) {
  c_blocks data = {from, to};
  if (library->loop != nullptr) return library->loop(blocks, c_smooth_block, &data, library->user);
  for (int block = 0; block != blocks; ++block) c_smooth_block(&data, block);
}
}

// ── Its user ──

int smooth_on_fanout() {
  constexpr std::size_t blocks = 200;
  std::vector<double> from(blocks * 1'000 + 2);
  for (std::size_t i = 0; i != from.size(); ++i) from[i] = static_cast<double>(i * i % 1'001);
  std::vector<double> serial(blocks * 1'000);
  std::vector<double> parallel(blocks * 1'000);

  c_library library = {nullptr, nullptr};
  c_smooth(&library, from.data(), serial.data(), blocks);
  if (drop_in::create_user(4, &library.user) == 0) library.loop = drop_in::run_jobs;
  c_smooth(&library, from.data(), parallel.data(), blocks);
  const bool took_it = library.loop != nullptr;
  drop_in::destroy_user(library.user);
  return took_it && parallel == serial ? 0 : 1;
}

int parse_with_codes() {
  const fanout::executor on({.concurrency = 4});
  const std::vector<std::string> texts = {"12", "many", "7", "99999999999999999999"};
  std::vector<long> values(texts.size());
  std::vector<int> codes(texts.size());
  const auto parse = [&](std::size_t i) { values[i] = std::stol(texts[i]); };
  if (drop_in::run_for_codes(on, texts.size(), parse, codes.data()) != 0) return 1;
  for (std::size_t i = 0; i != texts.size(); ++i) std::printf("%s: code %d\n", texts[i].c_str(), codes[i]);
  return codes == std::vector{0, EINVAL, 0, EIO} && values[0] == 12 && values[2] == 7 ? 0 : 1;
}

}  // namespace

int main() { return smooth_on_fanout() + parse_with_codes(); }
