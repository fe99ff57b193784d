#include "engine/hill_climber.hpp"

#include <algorithm>

namespace fanout::detail {
namespace {

// The gain in throughput that justifies a step. One measurement differs from the next by a few per cent, and a gain
// of less than a tenth is not worth twice the threads.
constexpr double worth_doubling = 1.10;
constexpr double worth_a_step = 1.05;

constexpr double worth_a_look = 0.80;  // below this share of the best throughput, a measurement is cut short

constexpr std::size_t longest_rest = 64;  // windows

}  // namespace

hill_climber::hill_climber(std::size_t start, std::size_t limit) : limit_(limit), wanted_(start), best_(start) {}

void hill_climber::measured(double throughput) {
  switch (phase_) {
    case phase::doubling:
      if (beats_best(throughput, worth_doubling)) return double_from_best();
      too_many_ = wanted_;
      return bisect();
    case phase::bisecting:
      if (!beats_best(throughput, worth_a_step)) too_many_ = wanted_;
      return bisect();
    case phase::resting:
      // A moving average in which the latest measurements count most, because later tasks may differ from earlier
      // ones.
      best_throughput_ += (throughput - best_throughput_) / 2;
      if (++windows_rested_ < windows_to_rest_) return;
      return try_neighbour();
    case phase::trying:
      if (beats_best(throughput, worth_a_step)) {
        windows_to_rest_ = 1;  // soon tries the next number in this direction
      } else {
        // A useless runner more costs nothing; a runner fewer may leave a core idle for a window. So after a try of
        // one fewer it rests longer.
        windows_to_rest_ = std::min((tries_more_ ? 2 : 4) * windows_to_rest_, longest_rest);
        tries_more_ = !tries_more_;
      }
      return rest();
  }
}

bool hill_climber::hopeless(double throughput) const {
  return wanted_ != best_ && throughput < worth_a_look * best_throughput_;
}

bool hill_climber::beats_best(double throughput, double factor) {
  if (throughput < factor * best_throughput_) return false;
  best_ = wanted_;
  best_throughput_ = throughput;
  return true;
}

void hill_climber::double_from_best() {
  if (best_ == limit_) return rest();
  phase_ = phase::doubling;
  wanted_ = std::min(2 * best_, limit_);
}

void hill_climber::bisect() {
  if (too_many_ - best_ <= 1) return rest();
  phase_ = phase::bisecting;
  wanted_ = best_ + (too_many_ - best_) / 2;
}

void hill_climber::rest() {
  phase_ = phase::resting;
  wanted_ = best_;
  windows_rested_ = 0;
}

void hill_climber::try_neighbour() {
  if (best_ == 1) tries_more_ = true;
  if (best_ == limit_) tries_more_ = false;
  if (limit_ == 1) return rest();
  phase_ = phase::trying;
  wanted_ = tries_more_ ? best_ + 1 : best_ - 1;
}

}  // namespace fanout::detail
