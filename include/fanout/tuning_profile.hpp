#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/tuning_report.hpp"

/// @file
/// A file with the recommendations of `tune()` for the workloads of a program on one machine.
namespace fanout {

/// The recommendation for one workload.
struct tuning_recommendation {
  std::string workload;         ///< Its name.
  std::size_t concurrency = 1;  ///< The recommended size.
  double confidence = 0;        ///< 0 … 1, see `tuning_report::confidence()`.
  std::string reason{};         ///< One or two sentences.

  /// Member by member.
  friend bool operator==(const tuning_recommendation&, const tuning_recommendation&) = default;
};

/// Recommendations for several workloads, and the shape of the machine to which they apply.
///
///     fanout::add_to_profile("fanout-profile.json", fanout::tune(compress, {.workload = "compress"}));
///     …
///     fanout::executor executor({.concurrency = fanout::recommended_concurrency("fanout-profile.json", "compress")});
class FANOUT_EXPORT tuning_profile {
 public:
  /// Creates an empty profile, for this machine or the given one.
  explicit tuning_profile(machine_shape machine = this_machine());

  /// Reads a file as `from_json` does. Throws `tuning_error`, which names the file, if it cannot be read or
  /// `from_json` refuses it.
  static tuning_profile load(const std::filesystem::path& file);

  /// Reads the text that `to_json` wrote. Throws `tuning_error` for any other text; the limits of
  /// `tuning_report::from_json` apply.
  static tuning_profile from_json(std::string_view text);

  /// The JSON document that docs/tuning.md describes: schema `fanout-tuning-profile`, version 1.
  std::string to_json() const;

  /// Writes a temporary file in the same directory and renames it to `file`. A reader sees the old profile or the new
  /// one, and after a crash or on a full disk the old one remains. If several threads or processes write at the same
  /// time, the last one wins. Throws `tuning_error`, which names the file.
  void save(const std::filesystem::path& file) const;

  /// Adds the recommendation of a report, or replaces the existing one for the same workload. Throws
  /// `std::invalid_argument` if the report has no workload name, and `tuning_error` if it was made on a machine of
  /// another shape.
  void add(const tuning_report& report);

  /// The machine to which the recommendations apply.
  const machine_shape& machine() const noexcept { return machine_; }

  /// The recommendations, ordered by the name of the workload.
  std::span<const tuning_recommendation> recommendations() const noexcept { return recommendations_; }

  /// The recommendation for a workload, or null. Valid until the profile changes.
  const tuning_recommendation* find(std::string_view workload) const noexcept;

  /// True for the same recommendations for the same machine.
  friend bool operator==(const tuning_profile&, const tuning_profile&) = default;

 private:
  machine_shape machine_;
  std::vector<tuning_recommendation> recommendations_;
};

/// Adds the recommendation of a report to a profile file, and creates the file if it does not exist. Recommendations
/// for other workloads are kept, and members that this version of the library does not know are lost. Throws what
/// `load`, `add` and `save` throw; then the file is unchanged. A profile made on a machine of another shape is never
/// overwritten.
FANOUT_EXPORT void add_to_profile(const std::filesystem::path& file, const tuning_report& report);

/// The recommended size for a workload, for `executor_options::concurrency`. Reads the file at each call.
///
/// Throws `tuning_error`, which names the file, if the file does not exist or is damaged, if it was made on a machine
/// of another shape, or if it has no recommendation for the workload.
FANOUT_EXPORT std::size_t recommended_concurrency(const std::filesystem::path& profile, std::string_view workload);

/// The same, but returns `fallback`, which may be `automatic`, if the profile does not apply: the file does not
/// exist, was made on a machine of another shape, or has no recommendation for the workload. A damaged or unreadable
/// file still throws `tuning_error`, so that the mistake is noticed.
FANOUT_EXPORT std::size_t recommended_concurrency(const std::filesystem::path& profile, std::string_view workload,
                                                  std::size_t fallback);

}  // namespace fanout
