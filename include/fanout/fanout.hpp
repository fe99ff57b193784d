#pragma once

/// @file
/// Everything but `native_tbb.hpp` and the library `fanout::tuning`. Costs the standard library's headers, none of
/// oneTBB's.
#include "fanout/error.hpp"
#include "fanout/execute.hpp"
#include "fanout/execute_with_pool.hpp"
#include "fanout/executor.hpp"
#include "fanout/for_each_range.hpp"
#include "fanout/invoke.hpp"
#include "fanout/limits.hpp"
#include "fanout/map.hpp"
#include "fanout/outcome.hpp"
#include "fanout/pool_statistics.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/run_options.hpp"
#include "fanout/settle.hpp"
#include "fanout/task_context.hpp"

/// Batches of independent tasks on a oneTBB arena. Begin with `execute_in_parallel`, which says what all calls promise;
/// `run_options` and `executor` say how a batch may run, `error.hpp` what it throws. `resource_pool` lends what only one
/// task at a time may use, and `tune` measures how many threads are worth having.
namespace fanout {}
