#pragma once

#include <fanout/run_options.hpp>
#include <stop_token>

#include "run/command_batch.hpp"

namespace tool {

/// What the engine is asked to do for `fanout run`. The limits of time of each command, and the end of commands that
/// run, are not the engine's: they hold for processes, and not for the time that their outputs take to be written.
fanout::run_options engine_options(const run_settings& settings, const std::stop_token& stop);

}  // namespace tool
