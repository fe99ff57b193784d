#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/tuning_report.hpp"
#include "tuning/json_value.hpp"

/// Reads JSON from untrusted sources. A failed access names the field.
namespace fanout::detail {

/// The limits of a document. A report of 1024 rows has about 14,000 values in 500 kB.
inline constexpr std::size_t largest_document = std::size_t{16} << 20;  ///< In bytes.
inline constexpr int deepest_nesting = 32;
inline constexpr std::size_t most_values = 100'000;
inline constexpr std::uint64_t most_threads = 1'000'000;  ///< As a limit, or as the cores of a machine.

/// Parses a document, and checks its schema, that its version is 1, and that no object has two members of one name.
/// Throws `tuning_error`.
json_value parse_document(std::string_view text, std::string_view schema);

/// A value and its path in the document. If the value is not of the type that a function asks for, or a member is
/// missing, the function throws `tuning_error`. Requires that the document outlives it.
class json_reader {
 public:
  explicit json_reader(const json_value& value, std::string path = {});

  /// A member of an object.
  json_reader at(const char* name) const;

  /// The same, or none if the member is missing or null: earlier versions of the library did not write all members.
  std::optional<json_reader> find(const char* name) const;

  /// An element of an array. Requires that `size` was called, and `index` is below it.
  json_reader at(std::size_t index) const;

  /// The number of elements of an array.
  std::size_t size() const;

  bool is_null() const { return is<std::nullptr_t>(); }
  bool flag() const;
  double number() const;
  /// Also throws if the number is negative or above `most`.
  std::uint64_t whole_number(std::uint64_t most) const;
  const std::string& text() const;

 private:
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(value_.content);
  }
  [[noreturn]] void refuse(const std::string& what) const;
  const json_value* member(const char* name) const;  // null if there is none
  std::string path_of(const char* name) const;

  const json_value& value_;
  const std::string path_;
};

machine_shape machine_from(const json_reader& reader);

}  // namespace fanout::detail
