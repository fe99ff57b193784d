#pragma once

#include <string>

/// Numbers as text, with a point in every locale: the C library's functions write a comma in a German one.
namespace fanout::detail {

/// The shortest text that gives the same number back.
std::string exact_text(double number);

/// With so many digits behind the point.
std::string fixed_text(double number, int digits);

/// Three digits or four and a unit: `250 us`, `1.23 ms`, `4.2 s`. Requires a number of seconds that is not negative.
std::string duration_text(double seconds);

/// `24 %`.
std::string percent_text(double share);

}  // namespace fanout::detail
