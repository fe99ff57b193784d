#include "run/engine_options.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <fanout/admission.hpp>

#include "run/command_failed.hpp"

namespace tool {
namespace {

bool is_worth_again(const std::exception_ptr& cause) {
  try {
    std::rethrow_exception(cause);
  } catch (const command_failed& failure) {
    return failure.worth_again();
  } catch (...) {
    return false;
  }
}

}  // namespace

fanout::run_options engine_options(const run_settings& settings, const std::stop_token& stop) {
  fanout::run_options options{.stop = stop};
  if (settings.timeout) options.timeout = *settings.timeout;
  if (settings.stop_after_failures != 0) options.stop_when = fanout::failures(settings.stop_after_failures);
  if (settings.retry != 0) {
    options.retry = {.again = static_cast<unsigned>(settings.retry),
                     .pause = settings.retry_pause,
                     .longest_pause = std::max<std::chrono::nanoseconds>(settings.retry_pause, std::chrono::minutes(1)),
                     .when = is_worth_again};
  }
  if (settings.rate) options.admit.push_back(fanout::rate_limit(settings.rate->starts, settings.rate->per));
  if (settings.memory_free != 0) options.admit.push_back(fanout::free_memory_above(settings.memory_free));
  return options;
}

}  // namespace tool
