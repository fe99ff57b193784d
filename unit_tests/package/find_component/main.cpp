#include <chrono>
#include <cstdlib>

#include <fanout/tuning.hpp>

int main() {
  const auto report =
      fanout::tune(4, [](int) {}, {.sizes = {1, 2}, .budget = std::chrono::seconds(5), .max_repetitions = 5});
  const bool same = fanout::tuning_report::from_json(report.to_json()) == report;
  try {
    fanout::tuning_report::from_json("{}");
  } catch (const fanout::tuning_error&) {  // crosses the border of the library
    return same && report.rows().size() == 2 ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  return EXIT_FAILURE;
}
