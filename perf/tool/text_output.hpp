#pragma once

#include <string>
#include <string_view>

/// Text on its way out of the process.
namespace tool {

/// `text` without control characters: they become `\n`, `\t`, `\x1b` or `\u009b`. So do characters that cannot be seen
/// or change the direction of the text, such as U+202E. File names and arguments may hold any byte, and must neither
/// break a message into two lines, nor steer a terminal that takes UTF-8, nor look like another name.
std::string one_line(std::string_view text);

/// The same with an ellipsis in place of all but the first 200 bytes or so.
std::string short_line(std::string_view text);

/// The text with U+FFFD in place of bytes that are not UTF-8. File names may hold any byte, but documents may not.
std::string valid_utf8(std::string_view text);

/// A text for an HTML document: valid UTF-8 without control characters, whatever the bytes are, and without markup.
std::string escaped(std::string_view text);

/// Writes all of `text` to standard output. Throws `std::system_error` when not everything arrives there: a full
/// disk, a pipe that nobody reads.
void write_to_stdout(std::string_view text);

/// Throws `std::system_error` if standard output is known to take nothing: it is closed, or a pipe without a reader.
void require_stdout();

/// Writes `fanout: <message>` as one line to standard error. There is nobody left to tell when that fails.
void write_error_line(std::string_view message) noexcept;

}  // namespace tool
