#include <fanout/fanout.hpp>

#include "overhead/workload.hpp"

namespace {

const bool entered = [] {
  overhead::enter("fanout", [](auto& tasks) {
    static fanout::executor executor;
    return executor.execute(tasks);
  });
  return true;
}();

}  // namespace
