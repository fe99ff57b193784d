#include "admission/memory_guard.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "fanout/admission.hpp"
#include "machine/available_memory.hpp"

namespace fanout {
namespace detail {

class memory_guard::asking final : public gate {
 public:
  asking(std::uint64_t bytes, std::uint64_t (*available)()) : bytes_(bytes), available_(available) {}

  /// If nothing of the batch runs, nothing of it will give memory back, so to wait could be to wait forever.
  admission_reply ask(std::size_t /*index*/, std::size_t running) override {
    if (running == 0 || available_() > bytes_) return {};
    constexpr std::chrono::milliseconds until_the_next_look{10};
    return {.what = admission_reply::kind::wait, .until = std::chrono::steady_clock::now() + until_the_next_look};
  }

 private:
  const std::uint64_t bytes_;
  std::uint64_t (*const available_)();
};

std::unique_ptr<gate> memory_guard::open(std::size_t /*size*/, applicant& /*who*/) const {
  return std::make_unique<asking>(bytes_, available_);
}

}  // namespace detail

admission free_memory_above(std::uint64_t bytes) {
  return admission(std::make_shared<detail::memory_guard>(bytes, detail::recently_available_memory));
}

}  // namespace fanout
