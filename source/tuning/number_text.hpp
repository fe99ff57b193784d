#pragma once

#include <string>

/// Numbers as text, with a decimal point in every locale: the C library's functions write a comma in a German one.
namespace fanout::detail {

/// The shortest text that is read back as the same number.
std::string exact_text(double number);

/// The number with `digits` digits after the decimal point.
std::string fixed_text(double number, int digits);

/// Three or four digits and a unit: `250 us`, `1.23 ms`, `4.2 s`. Requires a number that is not negative.
std::string duration_text(double seconds);

/// A share as a whole percentage: `24 %`.
std::string percent_text(double share);

}  // namespace fanout::detail
