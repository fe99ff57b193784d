#pragma once

#include <cstddef>
#include <cstdint>

#include "admission/gate.hpp"
#include "base/intrusive_list.hpp"

namespace fanout::detail {

/// What one batch has in an `admission_line`. The line guards all of it.
template <class Want>
struct line_place : list_entry<line_place<Want>> {
  explicit line_place(applicant& asking) : who(asking) {}

  applicant& who;
  Want wanted{};             // of its last question
  std::uint64_t number = 0;  // of its arrival, from 1; 0 while it does not wait
  bool in_line = false;      // false while it waits, but has stepped aside
  bool keeps = false;        // these two are for the stock
  bool served = false;
};

/// The places of a line, by the numbers of their arrivals.
template <class Want>
struct line_places {
  using place = line_place<Want>;

  intrusive_list<place> all;
  std::size_t nested = 0;  // of batches that a task has started

  void enter(place& each) noexcept {
    place* before = all.last();  // nearly always the right one: only those that come back go further to the front
    while (before != nullptr && before->number > each.number) before = before->previous_in_list;
    if (before != nullptr) {
      all.add_after(*before, each);
    } else {
      all.add_first(each);
    }
    each.in_line = true;
    if (each.who.started_in != nullptr) ++nested;
  }

  void remove(place& each) noexcept {
    all.remove(each);
    each.in_line = false;
    if (each.who.started_in != nullptr) --nested;
  }
};

}  // namespace fanout::detail
