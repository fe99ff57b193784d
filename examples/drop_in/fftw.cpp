// FFTW on the threads of fanout: transforms in two and three dimensions, first one after another, then each in a task.

#include <fanout/adapters/fftw.hpp>
#include <fanout/fanout.hpp>

#include <fftw3.h>

#include <complex>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <vector>

#include "threads_at_work.hpp"

using array = std::vector<std::complex<double>>;

fftw_complex* data(array& of) { return reinterpret_cast<fftw_complex*>(of.data()); }

// Plans are made once, by one thread. Any thread may execute them, on arrays of its own.
class transforms {
 public:
  explicit transforms(int threads) {
    array from(256 * 256);
    array to(from.size());
    fftw_plan_with_nthreads(threads);
    constexpr unsigned flags = FFTW_ESTIMATE | FFTW_UNALIGNED;
    plan_2d_ = fftw_plan_dft_2d(256, 256, data(from), data(to), FFTW_FORWARD, flags);
    plan_3d_ = fftw_plan_dft_3d(32, 64, 32, data(from), data(to), FFTW_BACKWARD, flags);
  }
  transforms(const transforms&) = delete;
  transforms& operator=(const transforms&) = delete;
  ~transforms() {
    fftw_destroy_plan(plan_2d_);
    fftw_destroy_plan(plan_3d_);
  }

  array operator()(array from) const {
    array to(from.size());
    fftw_execute_dft(plan_2d_, data(from), data(to));
    fftw_execute_dft(plan_3d_, data(to), data(from));
    return from;
  }

 private:
  fftw_plan plan_2d_;
  fftw_plan plan_3d_;
};

std::vector<array> inputs(std::size_t count) {
  std::vector<array> made(count);
  unsigned seed = 2026;
  for (array& each : made) {
    for (int i = 0; i != 256 * 256; ++i) {
      seed = seed * 1664525U + 1013904223U;
      each.emplace_back(seed >> 8U, seed & 0xFFFFU);
    }
  }
  return made;
}

bool same(const std::vector<array>& left, const std::vector<array>& right) {
  bool all = left.size() == right.size();
  for (std::size_t i = 0; all && i != left.size(); ++i) {
    all = left[i].size() == right[i].size() &&
          std::memcmp(left[i].data(), right[i].data(), left[i].size() * sizeof(left[i][0])) == 0;
  }
  return all;
}

int main() {
  fanout::executor executor({.concurrency = 4});
  const std::size_t limit = executor.concurrency();
  if (fftw_init_threads() == 0) return 1;
  fftw_threads_set_callback(fanout::adapters::fftw_loop, &executor);
  const transforms transformed(static_cast<int>(limit));
  const std::vector<array> from = inputs(64);

  // One array after another: FFTW's loops have all threads of the executor.
  std::vector<array> plain;
  const std::size_t alone = threads_at_work::during([&] {
    for (const array& each : from) plain.push_back(transformed(each));
  });

  // A batch of fanout whose tasks call FFTW, which works on the executor of the batch.
  std::vector<array> nested;
  const std::size_t shared = threads_at_work::during([&] { nested = executor.map(from, transformed); });

  // The same batch, while FFTW has its own threads. It must not keep the executor, which ends before FFTW does.
  fftw_threads_set_callback(nullptr, nullptr);
  std::vector<array> expected;
  const std::size_t own = threads_at_work::during([&] { expected = executor.map(from, transformed); });

  std::printf("threads at work, with a limit of %zu:\n", limit);
  std::printf("  FFTW on the executor:                            %zu\n", alone);
  std::printf("  a batch that calls FFTW on its executor:         %zu\n", shared);
  std::printf("  a batch that calls FFTW with threads of its own: %zu\n", own);
  const bool identical = same(nested, expected) && same(plain, expected);
  std::printf("the transforms are %s\n", identical ? "identical, bit for bit" : "different");
  return identical && alone <= limit && shared <= limit ? 0 : 1;  // its own threads may all wait, on a slow machine
}
