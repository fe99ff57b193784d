#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fanout/tuning_report.hpp"

namespace fanout::detail {

/// Writes JSON in the order of the calls: each member or element on its own line, indented by two spaces per level.
/// It builds no tree of nlohmann's, for the reason given at json_value, and uses that library only for numbers and
/// strings.
class json_writer {
 public:
  /// `name` is null for an element of an array, and for the document.
  void open_object(const char* name = nullptr) { open(name, "{", "}"); }
  void open_array(const char* name = nullptr) { open(name, "[", "]"); }
  void close() {
    const level closed = levels_.back();
    levels_.pop_back();
    if (!closed.empty) begin_line();
    text_ += closed.bracket;
  }

  template <class T>
  void member(const char* name, const T& value) {
    begin(name);
    text_ += nlohmann::json(value).dump();
  }

  /// Writes `null` if there is no value.
  template <class T>
  void member(const char* name, const std::optional<T>& value) {
    if (value) {
      member(name, *value);
    } else {
      member(name, nullptr);
    }
  }

  /// The document. Requires that everything has been closed.
  std::string take() && { return std::move(text_) + "\n"; }

 private:
  struct level {
    const char* bracket;  // the closing one
    bool empty = true;
  };

  void open(const char* name, const char* bracket, const char* closing) {
    begin(name);
    text_ += bracket;
    levels_.push_back({closing});
  }

  void begin(const char* name) {
    if (!levels_.empty()) {
      if (!levels_.back().empty) text_ += ',';
      levels_.back().empty = false;
      begin_line();
    }
    if (name != nullptr) text_ += nlohmann::json(name).dump() + ": ";
  }

  void begin_line() { text_ += '\n' + std::string(2 * levels_.size(), ' '); }

  std::string text_;
  std::vector<level> levels_;
};

/// The member `machine` of a document.
inline void write_machine(json_writer& json, const machine_shape& machine) {
  json.open_object("machine");
  json.member("cores", machine.cores);
  json.member("quota", machine.quota);
  json.member("available", machine.available);
  json.close();
}

}  // namespace fanout::detail
