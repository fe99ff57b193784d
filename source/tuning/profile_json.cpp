#include <algorithm>
#include <stdexcept>

#include "fanout/tuning_profile.hpp"
#include "tuning/json_reader.hpp"
#include "tuning/json_writer.hpp"
#include "tuning/results.hpp"

namespace fanout {
namespace {

using detail::json_reader;
using detail::most_threads;

constexpr auto profile_schema = "fanout-tuning-profile";

tuning_recommendation recommendation_from(const json_reader& reader, const std::string& path) {
  tuning_recommendation entry{.workload = reader.at("workload").text(),
                              .concurrency = reader.at("concurrency").whole_number(most_threads),
                              .confidence = reader.at("confidence").number(),
                              .reason = reader.at("reason").text()};
  detail::check_text(entry.workload, path + ".workload", detail::longest_name);
  detail::check_text(entry.reason, path + ".reason", detail::longest_reason);
  if (entry.workload.empty()) throw tuning_error(path + ".workload must not be empty");
  if (entry.concurrency == 0) throw tuning_error(path + ".concurrency must be at least 1");
  if (!(entry.confidence >= 0 && entry.confidence <= 1)) {
    throw tuning_error(path + ".confidence must be between 0 and 1");
  }
  return entry;
}

}  // namespace

std::string tuning_profile::to_json() const {
  detail::json_writer json;
  json.open_object();
  json.member("schema", profile_schema);
  json.member("version", 1);
  detail::write_machine(json, machine_);
  json.open_array("workloads");
  for (const tuning_recommendation& entry : recommendations_) {
    json.open_object();
    json.member("workload", entry.workload);
    json.member("concurrency", entry.concurrency);
    json.member("confidence", entry.confidence);
    json.member("reason", entry.reason);
    json.close();
  }
  json.close();
  json.close();
  return std::move(json).take();
}

tuning_profile tuning_profile::from_json(std::string_view text) try {
  const detail::json_value document = detail::parse_document(text, profile_schema);
  const json_reader reader(document);
  tuning_profile profile(machine_from(reader.at("machine")));
  const json_reader workloads = reader.at("workloads");
  const std::size_t count = workloads.size();
  for (std::size_t i = 0; i != count; ++i) {
    const std::string path = "workloads[" + std::to_string(i) + "]";
    tuning_recommendation entry = recommendation_from(workloads.at(i), path);
    if (profile.find(entry.workload) != nullptr) throw tuning_error(path + ".workload occurs twice");
    const auto position = std::upper_bound(
        profile.recommendations_.begin(), profile.recommendations_.end(), entry,
        [](const tuning_recommendation& a, const tuning_recommendation& b) { return a.workload < b.workload; });
    profile.recommendations_.insert(position, std::move(entry));
  }
  return profile;
} catch (const std::invalid_argument& e) {
  throw tuning_error(e.what());
}

}  // namespace fanout
