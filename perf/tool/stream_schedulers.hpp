#pragma once

#include <cstddef>
#include <fanout/tuning_comparison.hpp>
#include <vector>

namespace tool {

/// Schedulers that take the tasks as a stream, with at most `ahead` on the way: `serial`, a fanout stream on an executor,
/// `tbb::parallel_pipeline`, and a queue of hand-written threads.
std::vector<fanout::comparison_scheduler> stream_schedulers(std::size_t ahead);

}  // namespace tool
