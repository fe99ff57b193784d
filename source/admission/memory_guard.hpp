#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "admission/gate.hpp"

namespace fanout::detail {

/// The rule of `free_memory_above`. `available` says how much memory there is now.
class memory_guard final : public admission_rule {
 public:
  memory_guard(std::uint64_t bytes, std::uint64_t (*available)()) : bytes_(bytes), available_(available) {}

  std::unique_ptr<gate> open(std::size_t size, applicant& who) const override;
  std::uint64_t order() const noexcept override { return 1; }

 private:
  class asking;

  const std::uint64_t bytes_;
  std::uint64_t (*const available_)();
};

}  // namespace fanout::detail
