#define EIGEN_USE_THREADS
#include <unsupported/Eigen/CXX11/Tensor>

#include <fanout/adapters/eigen.hpp>
#include <fanout/executor.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "drop_in/drop_in.hpp"

/// Contractions and sums of elements, of one input, and of many inputs, each in a task.
namespace {

using matrix = Eigen::Tensor<float, 2>;
using pool = Eigen::ThreadPoolInterface;

fanout::executor& executor() {
  static fanout::executor made({.concurrency = drop_in::threads()});
  return made;
}

/// Small whole numbers: sums of their products are exact, in whatever order they are added up.
matrix numbers(int side, unsigned seed) {
  matrix made(side, side);
  std::generate_n(made.data(), made.size(), [&seed] {
    seed = seed * 1664525U + 1013904223U;
    return static_cast<float>(seed >> 30U);
  });
  return made;
}

template <class Device>
void multiply(const Device& device, const matrix& input, matrix& into) {
  const Eigen::array<Eigen::IndexPair<int>, 1> inner{Eigen::IndexPair<int>(1, 0)};
  into.device(device) = input.contract(input, inner);
}

template <class Device>
void mix(const Device& device, const matrix& input, matrix& into) {
  into.device(device) = (input * 3.0F + 1.0F).sqrt() + input.exp();
}

class job {
 public:
  using on_pool = void (*)(const Eigen::ThreadPoolDevice&, const matrix&, matrix&);
  using on_caller = void (*)(const Eigen::DefaultDevice&, const matrix&, matrix&);

  job(int side, std::size_t count, on_pool parallel, on_caller serial) : parallel_(parallel), serial_(serial) {
    for (std::size_t i = 0; i != count; ++i) {
      from_.push_back(numbers(side, static_cast<unsigned>(i)));
      to_.emplace_back(side, side);
      serial_(Eigen::DefaultDevice(), from_[i], to_[i]);
    }
    expected_ = to_;
  }

  void run(pool* on) {
    const auto one = [&](std::size_t i) {
      on != nullptr ? parallel_(Eigen::ThreadPoolDevice(on, on->NumThreads()), from_[i], to_[i])
                    : serial_(Eigen::DefaultDevice(), from_[i], to_[i]);
    };
    from_.size() == 1 ? one(0) : executor().map(from_.size(), one);
  }

  /// Where a core works on several elements at once, the last bits depend on how Eigen divides them, but for contractions.
  bool is_right() const {
    const auto close = [](float left, float right) { return std::abs(left - right) <= 1e-5F * std::abs(right); };
    for (std::size_t i = 0; i != to_.size(); ++i)
      if (!std::equal(to_[i].data(), to_[i].data() + to_[i].size(), expected_[i].data(), close)) return false;
    return true;
  }

 private:
  on_pool parallel_;
  on_caller serial_;
  std::vector<matrix> from_;
  std::vector<matrix> to_;
  std::vector<matrix> expected_;
};

void enter(const std::string& workload, int full_side, std::size_t count, job::on_pool parallel, job::on_caller serial) {
  const int side = perf::for_a_moment() ? full_side / 8 : full_side;
  const auto measured = std::make_shared<std::unique_ptr<job>>();
  const auto used = std::make_shared<std::unique_ptr<pool>>();
  const auto add = [&](const char* competitor, auto make_pool) {
    const auto begin = [=] {
      if (!*measured) *measured = std::make_unique<job>(side, count, parallel, serial);
      *used = make_pool();
      struct returned {
        std::shared_ptr<std::unique_ptr<pool>> from;
        ~returned() { from->reset(); }
      };
      return std::make_unique<returned>(used);
    };
    drop_in::enter(workload, competitor, begin, [=] { (*measured)->run(used->get()); },
                   [=] { return (*measured)->is_right(); });
  };
  add("fanout", [] { return std::unique_ptr<pool>(new fanout::adapters::eigen_pool(executor())); });
  add("own_pool", [] { return std::unique_ptr<pool>(new Eigen::ThreadPool(static_cast<int>(drop_in::threads()))); });
  add("serial", [] { return std::unique_ptr<pool>(); });
}

const bool entered = [] {
  using parallel = Eigen::ThreadPoolDevice;
  using serial = Eigen::DefaultDevice;
  enter("eigen_contraction_192", 192, 1, multiply<parallel>, multiply<serial>);
  enter("eigen_contraction_768", 768, 1, multiply<parallel>, multiply<serial>);
  enter("eigen_elements_1000", 1000, 1, mix<parallel>, mix<serial>);
  enter("eigen_contraction_192_nested", 192, 64, multiply<parallel>, multiply<serial>);
  enter("eigen_elements_400_nested", 400, 64, mix<parallel>, mix<serial>);
  return true;
}();

}  // namespace
