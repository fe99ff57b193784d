#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fanout/tuning_report.hpp"

namespace fanout::detail {

/// Writes JSON as it is told, a member or an element a line, two blanks a level. It keeps no tree of nlohmann's: see
/// json_value. How numbers and text are written is nlohmann's.
class json_writer {
 public:
  /// A member of an object has a name, an element of an array has none, nor has the document.
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

  /// `null` where there is none.
  template <class T>
  void member(const char* name, const std::optional<T>& value) {
    if (value) {
      member(name, *value);
    } else {
      member(name, nullptr);
    }
  }

  /// The document, when all is closed.
  std::string take() && { return std::move(text_) + "\n"; }

 private:
  struct level {
    const char* bracket;  // that will close it
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
