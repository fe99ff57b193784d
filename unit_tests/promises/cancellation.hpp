#pragma once

#include <stdexcept>

#include "fanout/error.hpp"

namespace support {

/// The exception of a call that has to be cancelled.
template <class Call>
fanout::operation_cancelled cancellation_of(Call&& call) {
  try {
    call();
  } catch (const fanout::operation_cancelled& e) {
    return e;
  }
  throw std::logic_error("the call was not cancelled");
}

}  // namespace support
