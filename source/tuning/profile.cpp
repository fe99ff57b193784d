#include <algorithm>
#include <stdexcept>
#include <utility>

#include "fanout/limits.hpp"
#include "fanout/tuning_profile.hpp"
#include "tuning/results.hpp"
#include "tuning/whole_file.hpp"

namespace fanout {
namespace {

bool by_name(const tuning_recommendation& entry, std::string_view workload) { return entry.workload < workload; }

std::string other_machine(const machine_shape& made_on, const machine_shape& here) {
  return "it was made on another machine (" + made_on.to_string() + "; this is one of " + here.to_string() +
         "): measure here again";
}

/// Throws the error again, with the name of the file in its message.
[[noreturn]] void rethrow_with_name(const std::filesystem::path& file, const tuning_error& e) {
  throw tuning_error("profile " + file.string() + ": " + e.what());
}

/// A profile's recommendation for a workload on this machine, or the reason why it has none.
struct answer {
  const tuning_recommendation* found = nullptr;
  std::string why_not{};
};

answer ask(const tuning_profile& profile, std::string_view workload) {
  const machine_shape here = this_machine();
  if (profile.machine() != here) return {.why_not = other_machine(profile.machine(), here)};
  const tuning_recommendation* const found = profile.find(workload);
  if (found == nullptr) {
    return {.why_not = "it does not know the workload \"" + std::string(workload) + "\""};
  }
  if (found->concurrency > max_concurrency()) {
    throw tuning_error("it recommends " + std::to_string(found->concurrency) + " for \"" + found->workload +
                       "\", which is above " + std::to_string(max_concurrency()));
  }
  return {.found = found};
}

}  // namespace

tuning_profile::tuning_profile(machine_shape machine) : machine_(machine) { detail::check_machine(machine_); }

tuning_profile tuning_profile::load(const std::filesystem::path& file) try {
  return from_json(detail::read_whole_file(file));
} catch (const tuning_error& e) {
  rethrow_with_name(file, e);
}

void tuning_profile::save(const std::filesystem::path& file) const try {
  detail::replace_file(file, to_json());
} catch (const tuning_error& e) {
  rethrow_with_name(file, e);
}

void tuning_profile::add(const tuning_report& report) {
  if (report.workload().empty()) {
    throw std::invalid_argument("the report has no name of its workload: set tuning_options::workload");
  }
  if (report.machine() != machine_) {
    throw tuning_error("the profile is for a machine of another shape (" + machine_.to_string() +
                       ") than the report (" + report.machine().to_string() + ")");
  }
  tuning_recommendation entry{.workload = report.workload(),
                              .concurrency = report.recommended(),
                              .confidence = report.confidence(),
                              .reason = report.reason()};
  const auto position = std::lower_bound(recommendations_.begin(), recommendations_.end(), entry.workload, by_name);
  if (position != recommendations_.end() && position->workload == entry.workload) {
    *position = std::move(entry);
  } else {
    recommendations_.insert(position, std::move(entry));
  }
}

const tuning_recommendation* tuning_profile::find(std::string_view workload) const noexcept {
  const auto position = std::lower_bound(recommendations_.begin(), recommendations_.end(), workload, by_name);
  return position != recommendations_.end() && position->workload == workload ? &*position : nullptr;
}

void add_to_profile(const std::filesystem::path& file, const tuning_report& report) {
  tuning_profile profile = detail::is_missing(file) ? tuning_profile(report.machine()) : tuning_profile::load(file);
  try {
    profile.add(report);
  } catch (const tuning_error& e) {
    rethrow_with_name(file, e);
  }
  profile.save(file);
}

std::size_t recommended_concurrency(const std::filesystem::path& profile, std::string_view workload) {
  const tuning_profile loaded = tuning_profile::load(profile);
  try {
    const answer given = ask(loaded, workload);
    if (given.found == nullptr) throw tuning_error(given.why_not);
    return given.found->concurrency;
  } catch (const tuning_error& e) {
    rethrow_with_name(profile, e);
  }
}

std::size_t recommended_concurrency(const std::filesystem::path& profile, std::string_view workload,
                                    std::size_t fallback) {
  if (detail::is_missing(profile)) return fallback;
  const tuning_profile loaded = tuning_profile::load(profile);
  try {
    const answer given = ask(loaded, workload);
    return given.found == nullptr ? fallback : given.found->concurrency;
  } catch (const tuning_error& e) {
    rethrow_with_name(profile, e);
  }
}

}  // namespace fanout
