#include "workloads/mandelbrot.hpp"

#include <fmt/format.h>

#include "workloads/checksum.hpp"

namespace tool {
namespace {

constexpr std::uint64_t iteration_limit = 1000;

std::uint64_t iterations_until_escape(double real, double imaginary) {
  double x = 0;
  double y = 0;
  std::uint64_t iterations = 0;
  while (iterations < iteration_limit && x * x + y * y <= 4) {
    const double next = x * x - y * y + real;
    y = 2 * x * y + imaginary;
    x = next;
    ++iterations;
  }
  return iterations;
}

}  // namespace

mandelbrot_workload::mandelbrot_workload(std::size_t size) : size_(size) {}

std::string mandelbrot_workload::summary() const {
  return fmt::format("{0} x {0} pixels, at most {1} iterations each", size_, iteration_limit);
}

parameters mandelbrot_workload::description() const {
  return {{"size", std::uint64_t{size_}}, {"iteration_limit", iteration_limit}};
}

std::string mandelbrot_workload::task_name(std::size_t index) const { return fmt::format("row {}", index); }

std::uint64_t mandelbrot_workload::run(std::size_t index, const std::stop_token& stop) const {
  const double step = 2.5 / static_cast<double>(size_);
  const double imaginary = -1.25 + step * static_cast<double>(index);
  std::uint64_t checksum = index;
  for (std::size_t column = 0; column < size_ && !stop.stop_requested(); ++column) {
    checksum = combine(checksum, iterations_until_escape(-2 + step * static_cast<double>(column), imaginary));
  }
  return checksum;
}

}  // namespace tool
