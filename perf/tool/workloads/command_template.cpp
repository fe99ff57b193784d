#include "workloads/command_template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tool {
namespace {

constexpr std::string_view blanks = " \t\n";
constexpr std::string_view continuation = "\\\n";
constexpr std::string_view digits = "0123456789";
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

bool is_one_of(char character, std::string_view set) { return set.find(character) != std::string_view::npos; }

/// Whether a text up to a `=` is a variable that a shell would assign to.
bool is_variable(std::string_view text) {
  return !text.empty() && is_one_of(text.front(), letters) && std::all_of(text.begin(), text.end(), [](char each) {
    return is_one_of(each, letters) || is_one_of(each, digits);
  });
}

/// Whether a shell expands braces: `rest` follows the opening one. `{}` and `{threads}` have nothing to choose from.
bool is_brace_expansion(std::string_view rest) {
  std::size_t open = 1;
  for (std::size_t at = 0; at != rest.size(); ++at) {
    if (rest[at] == '{') ++open;
    if (rest[at] == '}' && --open == 0) {
      rest = rest.substr(0, at);
      return rest.find(',') != std::string_view::npos || rest.find("..") != std::string_view::npos;
    }
  }
  return false;
}

[[noreturn]] void refuse(std::string_view syntax, std::string_view instead = "quote it") {
  throw command_template::invalid(fmt::format("has {}, which is for a shell: {}, or add --shell", syntax, instead));
}

/// Reads the words of a text from its front to its end.
class word_reader {
 public:
  explicit word_reader(std::string_view text) : text_(text) {}

  std::vector<std::string> read_all() {
    for (skip_blanks(); at_ < text_.size(); skip_blanks()) read_word();
    return std::move(words_);
  }

 private:
  void skip_blanks() {
    bool line_ended = false;
    while (at_ < text_.size()) {
      if (skip_continuation()) continue;
      if (!is_one_of(text_[at_], blanks)) break;
      line_ended |= text_[at_++] == '\n';
    }
    if (line_ended && !words_.empty() && at_ < text_.size()) refuse("a line end between words", "put a blank there");
  }

  bool skip_continuation() {
    if (!text_.substr(at_).starts_with(continuation)) return false;
    at_ += continuation.size();
    return true;
  }

  void read_word() {
    std::string word;
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_one_of(text_[at_], blanks)) {
      if (skip_continuation()) continue;
      refuse_what_is_for_a_shell(begin);
      const char next = text_[at_++];
      if (next == '\'') {
        read_single_quoted(word);
      } else if (next == '"') {
        read_double_quoted(word);
      } else if (next == '\\') {
        if (at_ == text_.size()) throw command_template::invalid("ends in a backslash that escapes nothing");
        word += text_[at_++];
      } else {
        word += next;
      }
    }
    words_.push_back(std::move(word));
  }

  /// Looks at the next character, which no quote protects, of the word that begins at `begin`.
  void refuse_what_is_for_a_shell(std::size_t begin) const {
    const char next = text_[at_];
    const std::string_view before = text_.substr(begin, at_ - begin);
    const auto rest = [this] { return text_.substr(at_ + 1, text_.find_first_of(blanks, at_) - at_ - 1); };
    const bool begins_command = words_.empty() && before.empty();
    const bool means_something = is_one_of(next, "|&;<>()`$*?") || (is_one_of(next, "~#") && before.empty()) ||
                                 (next == '[' && rest().find(']', 1) != std::string_view::npos) ||
                                 (next == '{' && is_brace_expansion(rest())) ||
                                 (next == '!' && begins_command && rest().empty());
    if (means_something) refuse(fmt::format("a '{}'", next));
    if (next == '=' && words_.empty() && is_variable(before)) {
      refuse(fmt::format("the assignment '{}='", before), "put env before it");
    }
  }

  void read_single_quoted(std::string& word) {
    const std::size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) throw command_template::invalid("has a ' that nothing closes");
    word += text_.substr(at_, end - at_);
    at_ = end + 1;
  }

  void read_double_quoted(std::string& word) {
    while (at_ < text_.size()) {
      if (skip_continuation()) continue;
      const char next = text_[at_++];
      if (next == '"') return;
      if (next == '\\' && at_ < text_.size() && is_one_of(text_[at_], "\"\\$`")) {
        word += text_[at_++];
        continue;
      }
      if (next == '`' || (next == '$' && at_ < text_.size() && begins_an_expansion(text_[at_]))) {
        refuse(fmt::format("a '{}' between \"…\"", next), "put a backslash before it");
      }
      word += next;
    }
    throw command_template::invalid("has a \" that nothing closes");
  }

  /// Whether a shell expands a `$` that this character follows.
  static bool begins_an_expansion(char after) {
    return is_one_of(after, letters) || is_one_of(after, digits) || is_one_of(after, "{(@*#?$!-");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> words_;
};

/// What takes the place of the gaps.
struct filling {
  std::string_view line;
  std::string_view threads;
};

std::string with_gaps_filled(std::string_view text, const filling& with) {
  const std::array<std::pair<std::string_view, std::string_view>, 4> replacements{
      {{"{{}}", "{}"}, {"{{threads}}", "{threads}"}, {"{}", with.line}, {"{threads}", with.threads}}};
  std::string filled;
  while (!text.empty()) {
    const auto found = std::find_if(replacements.begin(), replacements.end(),
                                    [&](const auto& each) { return text.starts_with(each.first); });
    const bool is_gap = found != replacements.end();
    filled += is_gap ? found->second : text.substr(0, 1);
    text.remove_prefix(is_gap ? found->first.size() : 1);
  }
  return filled;
}

}  // namespace

std::string quoted_for_shell(std::string_view text) {
  std::string quoted = "'";
  for (const char each : text) {
    if (each == '\'') {
      quoted += "'\\''";
    } else {
      quoted += each;
    }
  }
  return quoted += "'";
}

std::string word_for_shell(std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char each) {
    return is_one_of(each, letters) || is_one_of(each, digits) || is_one_of(each, "-_=./,:+%");
  });
  return plain ? std::string(text) : quoted_for_shell(text);
}

command_template::command_template(std::string_view text, bool shell) : shell_(shell) {
  if (text.find('\0') != std::string_view::npos) throw invalid("has a null character");
  if (text.find_first_not_of(blanks) == std::string_view::npos) throw invalid("is empty");
  words_ = shell_ ? std::vector{std::string(text)} : word_reader(text).read_all();
  const auto depends_on = [this](const filling& with) {
    return std::any_of(words_.begin(), words_.end(), [&](const std::string& word) {
      return with_gaps_filled(word, with) != with_gaps_filled(word, {});
    });
  };
  if (!depends_on({.line = "x", .threads = {}})) throw invalid("has no {}, where the line of the list goes");
  takes_threads_ = depends_on({.line = {}, .threads = "1"});
}

std::string command_template::program() const {
  std::string program = words_for("", 1).front();
  return program == words_for("x", 1).front() ? program : std::string();
}

std::vector<std::string> command_template::words_for(std::string_view line, std::size_t threads) const {
  const std::string number = std::to_string(threads);
  // The shell reads the line from a variable, not from its script, so the line is never code.
  if (shell_) {
    return {"/bin/sh", "-c", with_gaps_filled(words_.front(), {.line = "\"$1\"", .threads = number}), "sh",
            std::string(line)};
  }
  std::vector<std::string> words;
  words.reserve(words_.size());
  for (const std::string& word : words_) words.push_back(with_gaps_filled(word, {.line = line, .threads = number}));
  return words;
}

}  // namespace tool
