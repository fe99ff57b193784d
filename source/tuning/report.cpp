#include <algorithm>
#include <utility>

#include "fanout/tuning_report.hpp"
#include "tuning/results.hpp"

namespace fanout {

const char* tuning_error::what() const noexcept { return error::what(); }

tuning_report::tuning_report(tuning_results results) : results_(std::move(results)) {
  detail::check_results(results_);
}

const tuning_row& tuning_report::recommended_row() const noexcept {
  return *std::find_if(results_.rows.begin(), results_.rows.end(),
                       [this](const tuning_row& row) { return row.concurrency == results_.recommended; });
}

}  // namespace fanout
