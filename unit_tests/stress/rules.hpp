#pragma once

#include "fanout/stop_rule.hpp"
#include "record.hpp"

namespace stress {

inline fanout::stop_rule rule_of(const rule& planned) {
  switch (planned.what) {
    case rule::kind::none:
      break;
    case rule::kind::failures:
      return fanout::failures(planned.number);
    case rule::kind::share:
      return fanout::failed_share(static_cast<double>(planned.percent) / 100, planned.number);
    case rule::kind::successes:
      return fanout::successes(planned.number);
  }
  return {};
}

}  // namespace stress
