#include "tuning/json_reader.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tuning/utf8.hpp"

namespace fanout::detail {
namespace {

using nlohmann::json;

/// The text without control characters, cut off after 200 bytes: it is from the input, which may be anything.
std::string shortened(std::string_view text) {
  constexpr std::size_t longest = 200;
  return printable(text.substr(0, longest)) + (text.size() > longest ? " ..." : "");
}

/// The parser's message without the parser's name for the error. It quotes the input that the parser does not
/// understand.
std::string parser_message(std::string_view what) {
  const std::size_t name_ends = what.find("] ");
  return shortened(name_ends == std::string_view::npos ? what : what.substr(name_ends + 2));
}

/// Readers of JSON differ in which of two members of one name they take, so a document that has two is damaged.
void refuse_duplicates(const json_value::object& members) {
  std::vector<std::string_view> names;
  names.reserve(members.size());
  for (const auto& member : members) names.emplace_back(member.first);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) throw tuning_error("an object has two members \"" + shortened(*twice) + "\"");
}

/// Receives the parser's events and builds the document. It refuses a document that is too large before building all
/// of it.
class builder {
 public:
  json_value take() && { return std::move(document_); }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string& /*text*/) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(json::binary_t& /*value*/) { return false; }  // never called: JSON text has no binary values

  bool start_object(std::size_t /*size*/) { return open(json_value::object()); }
  bool start_array(std::size_t /*size*/) { return open(json_value::array()); }
  bool end_object() {
    refuse_duplicates(std::get<json_value::object>(open_.back()->content));
    return close();
  }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    count();
    auto& members = std::get<json_value::object>(open_.back()->content);
    member_ = &members.emplace_back(std::move(name), json_value()).second;
    return true;
  }

  bool parse_error(std::size_t /*position*/, const std::string& /*token*/, const json::exception& e) {
    throw tuning_error("it is not JSON: " + parser_message(e.what()));
  }

 private:
  template <class T>
  json_value& put(T&& value) {
    count();
    json_value& target = next_target();
    target.content = std::forward<T>(value);
    return target;
  }
  template <class T>
  bool add(T&& value) {
    put(std::forward<T>(value));
    return true;
  }
  template <class T>
  bool open(T&& value) {
    json_value& opened = put(std::forward<T>(value));
    open_.push_back(&opened);  // stays valid: the container around it does not grow before this one is closed
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  json_value& next_target() {
    if (open_.empty()) return document_;
    auto* const elements = std::get_if<json_value::array>(&open_.back()->content);
    return elements != nullptr ? elements->emplace_back() : *member_;
  }

  void count() {
    if (open_.size() > deepest_nesting) {
      throw tuning_error("it is nested more than " + std::to_string(deepest_nesting) + " levels deep");
    }
    if (++values_ > most_values) throw tuning_error("it has more than " + std::to_string(most_values) + " values");
  }

  json_value document_;
  std::vector<json_value*> open_;
  json_value* member_ = nullptr;  // the member whose value comes next
  std::size_t values_ = 0;
};

json_value parse(std::string_view text) {
  if (text.size() > largest_document) {
    throw tuning_error("it is larger than " + std::to_string(largest_document >> 20) + " MiB");
  }
  // The parser takes it for the end of the document.
  if (text.find('\0') != std::string_view::npos) throw tuning_error("it is not JSON: it has a null character");
  builder built;
  json::sax_parse(text.begin(), text.end(), &built);
  return std::move(built).take();
}

}  // namespace

json_value parse_document(std::string_view text, std::string_view schema) {
  json_value document = parse(text);
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

json_reader::json_reader(const json_value& value, std::string path) : value_(value), path_(std::move(path)) {}

const json_value* json_reader::member(const char* name) const {
  const auto* const members = std::get_if<json_value::object>(&value_.content);
  if (members == nullptr) refuse("must be an object");
  const auto member =
      std::find_if(members->begin(), members->end(), [&](const auto& each) { return each.first == name; });
  return member == members->end() ? nullptr : &member->second;
}

std::string json_reader::path_of(const char* name) const { return path_.empty() ? name : path_ + "." + name; }

json_reader json_reader::at(const char* name) const {
  const json_value* const found = member(name);
  if (found == nullptr) throw tuning_error(path_of(name) + " is missing");
  return json_reader(*found, path_of(name));
}

std::optional<json_reader> json_reader::find(const char* name) const {
  const json_value* const found = member(name);
  if (found == nullptr || std::holds_alternative<std::nullptr_t>(found->content)) return std::nullopt;
  return json_reader(*found, path_of(name));
}

json_reader json_reader::at(std::size_t index) const {
  return json_reader(std::get<json_value::array>(value_.content).at(index),
                     path_ + "[" + std::to_string(index) + "]");
}

std::size_t json_reader::size() const {
  if (!is<json_value::array>()) refuse("must be an array");
  return std::get<json_value::array>(value_.content).size();
}

bool json_reader::flag() const {
  if (!is<bool>()) refuse("must be true or false");
  return std::get<bool>(value_.content);
}

double json_reader::number() const {
  if (is<double>()) return std::get<double>(value_.content);
  if (is<std::uint64_t>()) return static_cast<double>(std::get<std::uint64_t>(value_.content));
  if (is<std::int64_t>()) return static_cast<double>(std::get<std::int64_t>(value_.content));
  refuse("must be a number");
}

std::uint64_t json_reader::whole_number(std::uint64_t most) const {
  if (!is<std::uint64_t>()) refuse("must be a whole number that is not negative");
  const auto number = std::get<std::uint64_t>(value_.content);
  if (number > most) refuse("must not be above " + std::to_string(most));
  return number;
}

const std::string& json_reader::text() const {
  if (!is<std::string>()) refuse("must be a string");
  return std::get<std::string>(value_.content);
}

void json_reader::refuse(const std::string& what) const {
  throw tuning_error((path_.empty() ? "the document" : path_) + " " + what);
}

machine_shape machine_from(const json_reader& reader) {
  machine_shape machine{.cores = reader.at("cores").whole_number(most_threads),
                        .available = reader.at("available").whole_number(most_threads)};
  if (const json_reader quota = reader.at("quota"); !quota.is_null()) machine.quota = quota.number();
  return machine;
}

}  // namespace fanout::detail
