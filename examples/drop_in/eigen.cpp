// Eigen's tensors on the threads of fanout: contractions, first one after another, then each in a task.

#define EIGEN_USE_THREADS
#include <unsupported/Eigen/CXX11/Tensor>

#include <fanout/adapters/eigen.hpp>
#include <fanout/fanout.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <vector>

#include "threads_at_work.hpp"

using tensor = Eigen::Tensor<float, 3>;

// Small whole numbers: sums of their products are exact, in whatever order they are added up.
std::vector<tensor> inputs(std::size_t count) {
  std::vector<tensor> made;
  unsigned seed = 1;
  for (std::size_t i = 0; i != count; ++i) {
    tensor& each = made.emplace_back(24, 20, 32);
    std::generate_n(each.data(), each.size(), [&] {
      seed = seed * 1664525U + 1013904223U;
      return static_cast<float>(seed >> 28U);
    });
  }
  return made;
}

// All products of two rows of the tensor, summed up over its last two dimensions.
tensor contract(Eigen::ThreadPoolInterface& pool, const tensor& input) {
  const Eigen::ThreadPoolDevice device(&pool, pool.NumThreads());
  const Eigen::array<Eigen::IndexPair<int>, 1> last{Eigen::IndexPair<int>(2, 2)};
  Eigen::Tensor<float, 4> products(24, 20, 24, 20);
  products.device(device) = input.contract(input, last);
  tensor sums(24, 20, 24);
  sums.device(device) = products.sum(Eigen::array<int, 1>{3});
  return sums;
}

bool same(const std::vector<tensor>& left, const std::vector<tensor>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const tensor& one, const tensor& other) {
    return std::equal(one.data(), one.data() + one.size(), other.data(), other.data() + other.size());
  });
}

int main() {
  const std::vector<tensor> all = inputs(32);
  const fanout::executor executor({.concurrency = 4});
  const std::size_t limit = executor.concurrency();
  fanout::adapters::eigen_pool pool(executor);

  // One input after another: the closures of Eigen have all threads of the executor.
  std::vector<tensor> plain;
  const std::size_t alone = threads_at_work::during([&] {
    for (const tensor& each : all) plain.push_back(contract(pool, each));
  });

  // A batch of fanout whose tasks call Eigen, which works on the executor of the batch.
  std::vector<tensor> nested;
  const std::size_t shared = threads_at_work::during([&] {
    nested = executor.map(all, [&](const tensor& each) { return contract(pool, each); });
  });

  // The same batch, while Eigen has a pool of its own.
  Eigen::ThreadPool own_pool(static_cast<int>(limit));
  std::vector<tensor> expected;
  const std::size_t own = threads_at_work::during([&] {
    expected = executor.map(all, [&](const tensor& each) { return contract(own_pool, each); });
  });

  std::printf("threads at work, with a limit of %zu:\n", limit);
  std::printf("  Eigen on the executor:                             %zu\n", alone);
  std::printf("  a batch that calls Eigen on its executor:          %zu\n", shared);
  std::printf("  a batch that calls Eigen with a pool of its own:   %zu\n", own);
  const bool identical = same(nested, expected) && same(plain, expected);
  std::printf("the results are %s\n", identical ? "identical, bit for bit" : "different");
  return identical && alone <= limit && shared <= limit ? 0 : 1;
}
