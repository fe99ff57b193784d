#include "json_reader.hpp"

#include <utility>

#include "utf8.hpp"

namespace fanout::detail {
namespace {

using nlohmann::json;

constexpr std::uint64_t most_cores = 1'000'000;

/// What the parser says, without its own name for it, and not all of it: it quotes what it did not understand.
std::string shortened(std::string_view what) {
  constexpr std::size_t longest = 200;
  if (const std::size_t name_ends = what.find("] "); name_ends != std::string_view::npos) {
    what.remove_prefix(name_ends + 2);
  }
  return printable(what.substr(0, longest)) + (what.size() > longest ? " ..." : "");
}

/// Called by the parser with each value, so that nothing is built that is too large.
class limits_of_document {
 public:
  bool operator()(int depth, json::parse_event_t event, const json& /*value*/) {
    if (depth > deepest_nesting) {
      throw tuning_error("it is nested more than " + std::to_string(deepest_nesting) + " levels deep");
    }
    const bool begins = event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    values_ += begins || event == json::parse_event_t::value || event == json::parse_event_t::key ? 1 : 0;
    if (values_ > most_values) throw tuning_error("it has more than " + std::to_string(most_values) + " values");
    return true;
  }

 private:
  std::size_t values_ = 0;
};

json parse(std::string_view text) {
  if (text.size() > largest_document) {
    throw tuning_error("it is larger than " + std::to_string(largest_document >> 20) + " MiB");
  }
  try {
    return json::parse(text.begin(), text.end(), limits_of_document());
  } catch (const json::exception& e) {
    throw tuning_error("it is no JSON: " + shortened(e.what()));
  }
}

}  // namespace

json parse_document(std::string_view text, std::string_view schema) {
  json document = parse(text);
  const json_reader reader(document);
  if (const std::string& found = reader.at("schema").text(); found != schema) {
    throw tuning_error("schema must be \"" + std::string(schema) + "\", got \"" + shortened(found) + "\"");
  }
  const std::uint64_t version = reader.at("version").whole_number(UINT64_MAX);
  if (version == 0) throw tuning_error("version must be at least 1");
  if (version > 1) {
    throw tuning_error("version is " + std::to_string(version) + ", this library reads version 1: it is too old");
  }
  return document;
}

json_reader::json_reader(const json& value, std::string path) : value_(value), path_(std::move(path)) {}

json_reader json_reader::at(const char* name) const {
  if (!value_.is_object()) refuse("must be an object");
  const auto member = value_.find(name);
  const std::string path = path_.empty() ? name : path_ + "." + name;
  if (member == value_.end()) throw tuning_error(path + " is missing");
  return json_reader(*member, path);
}

json_reader json_reader::at(std::size_t index) const {
  return json_reader(value_.at(index), path_ + "[" + std::to_string(index) + "]");
}

std::size_t json_reader::size() const {
  if (!value_.is_array()) refuse("must be an array");
  return value_.size();
}

bool json_reader::flag() const {
  if (!value_.is_boolean()) refuse("must be true or false");
  return value_.get<bool>();
}

double json_reader::number() const {
  if (!value_.is_number()) refuse("must be a number");
  return value_.get<double>();
}

std::uint64_t json_reader::whole_number(std::uint64_t most) const {
  if (!value_.is_number_unsigned()) refuse("must be a whole number that is not negative");
  const auto number = value_.get<std::uint64_t>();
  if (number > most) refuse("must not be above " + std::to_string(most));
  return number;
}

const std::string& json_reader::text() const {
  if (!value_.is_string()) refuse("must be a string");
  return value_.get_ref<const std::string&>();
}

void json_reader::refuse(const std::string& what) const {
  throw tuning_error((path_.empty() ? "the document" : path_) + " " + what);
}

nlohmann::ordered_json to_json(const machine_shape& machine) {
  nlohmann::ordered_json json = {{"cores", machine.cores}, {"quota", nullptr}, {"available", machine.available}};
  if (machine.quota) json["quota"] = *machine.quota;
  return json;
}

machine_shape machine_from(const json_reader& reader) {
  machine_shape machine{.cores = reader.at("cores").whole_number(most_cores),
                        .available = reader.at("available").whole_number(most_cores)};
  if (const json_reader quota = reader.at("quota"); !quota.is_null()) machine.quota = quota.number();
  return machine;
}

}  // namespace fanout::detail
