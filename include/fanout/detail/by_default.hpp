#pragma once

namespace fanout::detail {

/// The default of an option that is a number or an enumeration: the same value, but not a constant. If a member of an
/// aggregate is initialised with a constant, and others are not, GCC clears the whole object first. For one as large
/// as `run_options`, GCC 12 does that with `rep stos`, which takes 10 ns: a tenth of a batch of one task. For the
/// same reason, `concurrency_limit` asks whether it is made from a constant. perf/latency shows both.
template <class T>
T by_default(T value) noexcept {
  return value;
}

}  // namespace fanout::detail
