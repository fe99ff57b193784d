#pragma once

/// @file
/// Everything except `native_tbb.hpp` and the library `fanout::tuning`. Includes headers of the standard library and
/// none of oneTBB.
#include "fanout/admission.hpp"
#include "fanout/batch.hpp"
#include "fanout/batch_progress.hpp"
#include "fanout/error.hpp"
#include "fanout/execute.hpp"
#include "fanout/execute_with_pool.hpp"
#include "fanout/executor.hpp"
#include "fanout/first.hpp"
#include "fanout/for_each_range.hpp"
#include "fanout/from_callable.hpp"
#include "fanout/invoke.hpp"
#include "fanout/limits.hpp"
#include "fanout/map.hpp"
#include "fanout/outcome.hpp"
#include "fanout/pool_statistics.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/retry_policy.hpp"
#include "fanout/run_options.hpp"
#include "fanout/settle.hpp"
#include "fanout/stop_rule.hpp"
#include "fanout/stream.hpp"
#include "fanout/stream_options.hpp"
#include "fanout/submit.hpp"
#include "fanout/task_context.hpp"
#include "fanout/task_scope.hpp"
#include "fanout/threads.hpp"

/// Batches of independent tasks on oneTBB arenas. Begin with `execute_in_parallel`, which states what all calls
/// promise. `run_options` and `executor` determine how a batch runs; `error.hpp` has the exceptions. `resource_pool`
/// lends objects that only one task at a time may use, and `tune` measures how many threads to use.
namespace fanout {}
