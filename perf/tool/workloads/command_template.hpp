#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

/// A command with a gap: `zstd -q -c {}`.
///
/// Without a shell, the text is split into words at blanks. Quotes keep blanks together as in a POSIX shell: all
/// between `'…'` is taken as it is; between `"…"` a backslash escapes `"`, `\`, `$` and `` ` ``; elsewhere it escapes
/// any character. A backslash at the end of a line joins the next one to it. Nothing is expanded, so whatever a shell
/// would not take literally is refused where it is not quoted, so that nobody hands a `>` or a `*` to a program by
/// mistake:
///
/// * ``| & ; < > ( ) ` $ * ?``, a `[` with a `]` behind it, `~` and `#` at the beginning of a word, `{a,b}` and `{1..9}`,
///   and a `` ` `` or a variable between `"…"`
/// * line ends between words, and a first word that is `!` or assigns to a variable (`X=1`)
///
/// Each `{}` becomes the line of the list, as part of its word: a line with blanks or quotes stays one word. Each
/// `{threads}` becomes the number of threads. `{{}}` and `{{threads}}` stand for the texts `{}` and `{threads}`.
///
/// With a shell, the text goes to `/bin/sh -c`, and each `{}` becomes `"$1"`, which holds the line: it is one word
/// and cannot run anything, wherever it stands. So `{}` should not stand inside quotes of the command's own: between
/// `'…'` it would not be the line, and between `"…"` it would be parted at its blanks.
class command_template {
 public:
  /// The text cannot be used. The message is about it, without naming an option.
  class invalid : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
  };

  command_template(std::string_view text, bool shell);

  /// Whether the command has a `{threads}`.
  bool takes_threads() const { return takes_threads_; }

  /// The program, if it is the same for all lines; else nothing.
  std::string program() const;

  /// The words to run for a line: the program first. Requires a line without null characters, which no word can hold.
  std::vector<std::string> words_for(std::string_view line, std::size_t threads) const;

 private:
  std::vector<std::string> words_;  // with a shell, the text as a whole
  bool shell_;
  bool takes_threads_ = false;
};

/// The text as one word for a POSIX shell, in single quotes.
std::string quoted_for_shell(std::string_view text);

/// The same without quotes where a shell takes the text literally without them.
std::string word_for_shell(std::string_view text);

}  // namespace tool
