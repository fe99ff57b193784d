#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fanout/tuning_report.hpp"
#include "tuning/json_value.hpp"

/// Reads JSON that may come from anywhere: every question it answers names the field where the answer is no.
namespace fanout::detail {

/// What a document may be. A report of 1024 rows has some 14,000 values in 500 kB.
inline constexpr std::size_t largest_document = std::size_t{16} << 20;  ///< In bytes.
inline constexpr int deepest_nesting = 32;
inline constexpr std::size_t most_values = 100'000;
inline constexpr std::uint64_t most_threads = 1'000'000;  ///< As a limit, or as the cores of a machine.

/// Parses a document, and checks that it is of the schema, and of version 1. Throws `tuning_error`.
json_value parse_document(std::string_view text, std::string_view schema);

/// A value and where it stands. Whatever is asked throws `tuning_error` if the value is of another type, or missing.
/// Requires that the document outlives it.
class json_reader {
 public:
  explicit json_reader(const json_value& value, std::string path = {});

  /// A member of an object, an element of an array.
  json_reader at(const char* name) const;
  json_reader at(std::size_t index) const;

  /// The number of elements of an array.
  std::size_t size() const;

  bool is_null() const { return is<std::nullptr_t>(); }
  bool flag() const;
  double number() const;
  std::uint64_t whole_number(std::uint64_t most) const;
  const std::string& text() const;

 private:
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(value_.content);
  }
  [[noreturn]] void refuse(const std::string& what) const;

  const json_value& value_;
  const std::string path_;
};

machine_shape machine_from(const json_reader& reader);

}  // namespace fanout::detail
