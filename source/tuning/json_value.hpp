#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace fanout::detail {

/// A JSON document. fanout has its own tree, because the destructor of nlohmann's allocates memory
/// (json_value::destroy in 3.11 and 3.12): if there is none left, the process terminates.
struct json_value {
  using array = std::vector<json_value>;
  using object = std::vector<std::pair<std::string, json_value>>;  // in the order of the document

  std::variant<std::nullptr_t, bool, std::uint64_t, std::int64_t, double, std::string, array, object> content{};
};

}  // namespace fanout::detail
