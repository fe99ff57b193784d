#include <oneapi/tbb/parallel_pipeline.h>

#include "stream/question.hpp"

namespace {

class tbb_parallel_pipeline {
 public:
  static constexpr const char* name = "tbb_parallel_pipeline";
  explicit tbb_parallel_pipeline(std::size_t /*concurrency*/) {}

  unsigned long sum(const stream::pipeline& wanted) const {
    unsigned long sum = 0;
    long next = 0;
    const auto last = wanted.results == stream::order::kept ? tbb::filter_mode::serial_in_order
                                                            : tbb::filter_mode::serial_out_of_order;
    tbb::parallel_pipeline(
        wanted.ahead,
        tbb::make_filter<void, long>(tbb::filter_mode::serial_in_order,
                                     [&](tbb::flow_control& control) {
                                       if (next == wanted.items) {
                                         control.stop();
                                         return 0L;
                                       }
                                       return next++;
                                     }) &
            tbb::make_filter<long, long>(tbb::filter_mode::parallel,
                                         [&](long item) { return stream::map(item, wanted.links); }) &
            tbb::make_filter<long, void>(last, [&](long result) { sum += static_cast<unsigned long>(result); }));
    return sum;
  }
};

const bool entered = [] {
  stream::enter<tbb_parallel_pipeline>();
  return true;
}();

}  // namespace
