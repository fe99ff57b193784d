#pragma once

#include <omp.h>

#include <cstddef>

namespace perf {

/// OpenMP keeps its threads for the process, and after a loop they spin for some milliseconds. It gives them back
/// here, or they would disturb the competitor that is measured next.
class openmp_threads {
 public:
  explicit openmp_threads(std::size_t concurrency) : count(static_cast<int>(concurrency)) {}
  openmp_threads(const openmp_threads&) = delete;
  openmp_threads& operator=(const openmp_threads&) = delete;
  ~openmp_threads() { omp_pause_resource_all(omp_pause_soft); }

 protected:
  const int count;
};

/// Equal shares, fixed in advance.
class openmp_static : openmp_threads {
 public:
  static constexpr const char* name = "openmp_static";

  using openmp_threads::openmp_threads;

  template <class Body>
  void run(std::size_t size, const Body& body) {
#pragma omp parallel for num_threads(count) schedule(static)
    for (std::size_t i = 0; i < size; ++i) body(i);
  }
};

/// One task at a time, from a shared counter.
class openmp_dynamic : openmp_threads {
 public:
  static constexpr const char* name = "openmp_dynamic";

  using openmp_threads::openmp_threads;

  template <class Body>
  void run(std::size_t size, const Body& body) {
#pragma omp parallel for num_threads(count) schedule(dynamic)
    for (std::size_t i = 0; i < size; ++i) body(i);
  }
};

/// Shares that shrink towards the end.
class openmp_guided : openmp_threads {
 public:
  static constexpr const char* name = "openmp_guided";

  using openmp_threads::openmp_threads;

  template <class Body>
  void run(std::size_t size, const Body& body) {
#pragma omp parallel for num_threads(count) schedule(guided)
    for (std::size_t i = 0; i < size; ++i) body(i);
  }
};

}  // namespace perf
