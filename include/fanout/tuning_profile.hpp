#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/tuning_report.hpp"

/// @file
/// A file that holds what `tune()` recommended for the workloads of a program on one machine.
namespace fanout {

/// What a profile says of one workload.
struct tuning_recommendation {
  std::string workload;         ///< Its name.
  std::size_t concurrency = 1;  ///< The size that was recommended.
  double confidence = 0;        ///< 0 … 1, see `tuning_report::confidence()`.
  std::string reason{};         ///< A sentence or two.

  /// Member by member.
  friend bool operator==(const tuning_recommendation&, const tuning_recommendation&) = default;
};

/// Recommendations for several workloads, and the shape of the machine for which they are good.
///
///     fanout::add_to_profile("fanout-profile.json", fanout::tune(compress, {.workload = "compress"}));
///     …
///     fanout::executor executor({.concurrency = fanout::recommended_concurrency("fanout-profile.json", "compress")});
class FANOUT_EXPORT tuning_profile {
 public:
  /// An empty one, for this machine or another.
  explicit tuning_profile(machine_shape machine = this_machine());

  /// Reads a file, as `from_json` does. Throws `tuning_error`, which names the file, also where it cannot be read.
  static tuning_profile load(const std::filesystem::path& file);

  /// Throws `tuning_error` for anything but what `to_json` wrote, under the same limits as
  /// `tuning_report::from_json`.
  static tuning_profile from_json(std::string_view text);

  /// The document that docs/tuning.md describes: schema `fanout-tuning-profile`, version 1.
  std::string to_json() const;

  /// Writes a file beside `file` and renames it, so that a reader sees the old profile or the new one, and a crash or
  /// a full disk leaves the old one. Throws `tuning_error`, which names the file. Of several that write at one time
  /// the last wins.
  void save(const std::filesystem::path& file) const;

  /// Takes over what a report recommends, in place of what was known about its workload. Throws
  /// `std::invalid_argument` for a report without a name of its workload, and `tuning_error` for one that was made on
  /// a machine of another shape.
  void add(const tuning_report& report);

  /// For which machine it is good.
  const machine_shape& machine() const noexcept { return machine_; }

  /// By the name of the workload.
  std::span<const tuning_recommendation> recommendations() const noexcept { return recommendations_; }

  /// What is known about a workload, or null. Valid until the profile changes.
  const tuning_recommendation* find(std::string_view workload) const noexcept;

  /// The same recommendations for the same machine.
  friend bool operator==(const tuning_profile&, const tuning_profile&) = default;

 private:
  machine_shape machine_;
  std::vector<tuning_recommendation> recommendations_;
};

/// Adds what a report recommends to a profile, which is made if there is none yet. What it holds of other workloads is
/// kept. Throws what `load`, `add` and `save` throw; then the file is as it was. One that was made on a machine of
/// another shape is never overwritten.
FANOUT_EXPORT void add_to_profile(const std::filesystem::path& file, const tuning_report& report);

/// What the profile recommends for a workload: goes straight into `executor_options::concurrency`.
///
/// Throws `tuning_error`, which names the file, if there is no such file or it is damaged, if it was made on a machine
/// of another shape, or if it does not know the workload. Reads the file at each call.
FANOUT_EXPORT std::size_t recommended_concurrency(const std::filesystem::path& profile, std::string_view workload);

/// The same, with `fallback` where the profile has nothing to say for this machine: there is no such file, it was made
/// on a machine of another shape, or it does not know the workload. A file that is damaged or cannot be read is still
/// a `tuning_error`: that is a mistake which should not go unseen. `fallback` is returned as it is, `automatic` for
/// instance.
FANOUT_EXPORT std::size_t recommended_concurrency(const std::filesystem::path& profile, std::string_view workload,
                                                  std::size_t fallback);

}  // namespace fanout
