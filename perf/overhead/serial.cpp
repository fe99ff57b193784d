#include "overhead/workload.hpp"

namespace {

const bool entered = [] {
  overhead::enter("serial", [](auto& tasks) {
    std::vector<long> results(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) results[i] = tasks[i]();
    return results;
  });
  return true;
}();

}  // namespace
