#include <fanout/adapters/fftw.hpp>
#include <fanout/executor.hpp>

#include <fftw3.h>

#include <complex>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "drop_in/drop_in.hpp"

/// Transforms of one array, and of many arrays, each in a task.
namespace {

fanout::executor& executor() {
  static fanout::executor made({.concurrency = drop_in::threads()});
  return made;
}

using loop = void(void* (*)(char*), char*, std::size_t, int, void*);

#ifdef _OPENMP
/// As in FFTW's manual.
void openmp_loop(void* (*work)(char*), char* jobs, std::size_t size, int count, void*) {
#pragma omp parallel for
  for (int i = 0; i < count; ++i) work(jobs + size * static_cast<std::size_t>(i));
}
#endif

struct replaced_loop {
  explicit replaced_loop(loop* by) { fftw_threads_set_callback(by, &executor()); }
  replaced_loop(const replaced_loop&) = delete;
  replaced_loop& operator=(const replaced_loop&) = delete;
  ~replaced_loop() { fftw_threads_set_callback(nullptr, nullptr); }
};

/// The arrays, and a plan that transforms any of them. Threads change how FFTW divides a transform, so the plan for one
/// thread may round differently: what is right is what the same plan gives with FFTW's own threads.
class job {
 public:
  job(const std::vector<int>& sides, std::size_t count, int threads) : from_(count), to_(count), expected_(count) {
    std::size_t size = 1;
    for (const int side : sides) size *= static_cast<std::size_t>(side);
    unsigned seed = 17;
    for (std::size_t i = 0; i != count; ++i) {
      to_[i].resize(size);
      for (std::size_t j = 0; j != size; ++j) {
        seed = seed * 1664525U + 1013904223U;
        from_[i].emplace_back(seed >> 8U, seed & 0xFFFFU);
      }
    }
    static const int initialized = fftw_init_threads();
    fftw_plan_with_nthreads(initialized != 0 ? threads : 1);
    // An estimate, because a measurement may choose another plan each time.
    plan_ = fftw_plan_dft(static_cast<int>(sides.size()), sides.data(), data(from_[0]), data(to_[0]), FFTW_FORWARD,
                          FFTW_ESTIMATE | FFTW_UNALIGNED);
    for (std::size_t i = 0; i != count; ++i) run(i);
    expected_ = to_;
  }
  job(const job&) = delete;
  job& operator=(const job&) = delete;
  ~job() { fftw_destroy_plan(plan_); }

  void run(std::size_t i) { fftw_execute_dft(plan_, data(from_[i]), data(to_[i])); }

  void run() { from_.size() == 1 ? run(0) : executor().map(from_.size(), [this](std::size_t i) { run(i); }); }

  bool is_right() const {
    for (std::size_t i = 0; i != to_.size(); ++i) {
      if (std::memcmp(to_[i].data(), expected_[i].data(), to_[i].size() * sizeof(to_[i][0])) != 0) return false;
    }
    return true;
  }

 private:
  using array = std::vector<std::complex<double>>;
  static fftw_complex* data(array& of) { return reinterpret_cast<fftw_complex*>(of.data()); }

  std::vector<array> from_;
  std::vector<array> to_;
  std::vector<array> expected_;
  fftw_plan plan_;
};

void enter(const std::string& workload, const std::vector<int>& sides, std::size_t count) {
  const auto parallel = std::make_shared<std::unique_ptr<job>>();
  const auto serial = std::make_shared<std::unique_ptr<job>>();
  const auto add = [&](const char* competitor, int threads, loop* by) {
    const auto measured = threads == 1 ? serial : parallel;
    const auto begin = [=] {
      if (!*measured) *measured = std::make_unique<job>(sides, count, threads);
      return std::make_unique<replaced_loop>(by);
    };
    drop_in::enter(workload, competitor, begin, [=] { (*measured)->run(); }, [=] { return (*measured)->is_right(); });
  };
  const int cores = static_cast<int>(drop_in::threads());
  add("fanout", cores, fanout::adapters::fftw_loop);
  add("own_pthreads", cores, nullptr);
#ifdef _OPENMP
  add("openmp", cores, openmp_loop);
#endif
  add("serial", 1, nullptr);
}

const bool entered = [] {
  enter("fftw_64x64", {64, 64}, 1);
  enter("fftw_512x512", {512, 512}, 1);
  enter("fftw_64x64x64", {64, 64, 64}, 1);
  enter("fftw_64x64_nested", {64, 64}, 64);
  enter("fftw_256x256_nested", {256, 256}, 32);
  return true;
}();

}  // namespace
