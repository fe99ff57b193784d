#include "competitors/competitor.hpp"

#include <utility>

namespace tool {

std::vector<std::unique_ptr<competitor>> make_competitors(std::size_t concurrency) {
  // The pool first: it takes all its threads at once, while oneTBB starts its own when the first tasks come, and ends the
  // process if it cannot. So fanout has to ask what is left after the pool.
  auto thread_pool = make_thread_pool(concurrency);
  std::vector<std::unique_ptr<competitor>> competitors;
  competitors.push_back(make_serial());
  competitors.push_back(make_fanout(concurrency));
  competitors.push_back(make_thread_rounds(concurrency));
  competitors.push_back(std::move(thread_pool));
  return competitors;
}

}  // namespace tool
