#include <fanout/executor.hpp>

#include <ranges>

#include "adaptive/question.hpp"

namespace {

class competitor {
 public:
  explicit competitor(const fanout::executor_options& options) : executor_(options) {}

  template <class Task>
  std::vector<long> map(std::size_t size, const Task& task) {
    return executor_.map(std::views::iota(std::size_t{0}, size), task);
  }

 private:
  fanout::executor executor_;
};

class adapting : public competitor {
 public:
  static constexpr const char* name = "fanout";

  explicit adapting(std::size_t most) : competitor({.concurrency = most, .adaptive = true}) {}
};

class adapting_again : public adapting {
 public:
  static constexpr const char* name = "fanout_again";

  using adapting::adapting;
};

template <std::size_t Size>
class fixed : public competitor {
 public:
  static constexpr const char* name = Size == 2   ? "fixed_2"
                                      : Size == 3 ? "fixed_3"
                                      : Size == 4 ? "fixed_4"
                                      : Size == 8 ? "fixed_8"
                                                  : "fixed_16";

  explicit fixed(std::size_t) : competitor({.concurrency = Size}) {}
};

const bool entered = [] {
  adaptive::enter<adapting>();
  adaptive::enter<adapting_again>();
  adaptive::enter<fixed<2>>();
  adaptive::enter<fixed<3>>();
  adaptive::enter<fixed<4>>();
  adaptive::enter<fixed<8>>();
  adaptive::enter<fixed<16>>();
  return true;
}();

}  // namespace
