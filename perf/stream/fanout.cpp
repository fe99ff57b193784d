#include <fanout/fanout.hpp>

#include <ranges>

#include "stream/question.hpp"

namespace {

class fanout_stream {
 public:
  static constexpr const char* name = "fanout_stream";
  explicit fanout_stream(std::size_t concurrency) : concurrency_(concurrency) {}

  unsigned long sum(const stream::pipeline& wanted) const {
    unsigned long sum = 0;
    const bool kept = wanted.results == stream::order::kept;
    for (const long result : fanout::stream_in_parallel(
             std::views::iota(0L, wanted.items),
             [links = wanted.links](long item) { return stream::map(item, links); },
             {.concurrency = concurrency_,
              .ahead = wanted.ahead,
              .order = kept ? fanout::delivery::in_order : fanout::delivery::as_completed}))
      sum += static_cast<unsigned long>(result);
    return sum;
  }

 private:
  std::size_t concurrency_;
};

class fanout_stream_again : public fanout_stream {
 public:
  static constexpr const char* name = "fanout_again";
  using fanout_stream::fanout_stream;
};

/// With the whole input and all results in memory: no bound, so a bound for the others.
class fanout_map {
 public:
  static constexpr const char* name = "fanout_map";
  explicit fanout_map(std::size_t concurrency) : concurrency_(concurrency) {}

  unsigned long sum(const stream::pipeline& wanted) const {
    unsigned long sum = 0;
    for (const long result : fanout::map_in_parallel(
             std::views::iota(0L, wanted.items),
             [links = wanted.links](long item) { return stream::map(item, links); },
             concurrency_))
      sum += static_cast<unsigned long>(result);
    return sum;
  }

 private:
  std::size_t concurrency_;
};

const bool entered = [] {
  stream::enter<fanout_stream>();
  stream::enter<fanout_stream_again>();
  stream::enter<fanout_map>();
  return true;
}();

}  // namespace
