#pragma once

/// Everything but `native_tbb.hpp`. Costs the standard library's headers, none of oneTBB's.
#include "fanout/error.hpp"
#include "fanout/execute.hpp"
#include "fanout/execute_with_pool.hpp"
#include "fanout/executor.hpp"
#include "fanout/invoke.hpp"
#include "fanout/limits.hpp"
#include "fanout/map.hpp"
#include "fanout/outcome.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/run_options.hpp"
#include "fanout/settle.hpp"
#include "fanout/task_context.hpp"
