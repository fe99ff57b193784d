#include "workloads/command_template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tool {
namespace {

constexpr std::string_view for_shells = "|&;<>()`$";
constexpr std::string_view blanks = " \t\n";

/// Reads the words of a text from its front to its end.
class word_reader {
 public:
  explicit word_reader(std::string_view text) : text_(text) {}

  std::vector<std::string> read_all() {
    for (skip_blanks(); at_ < text_.size(); skip_blanks()) read_word();
    return std::move(words_);
  }

 private:
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(blanks, at_), text_.size()); }

  void read_word() {
    std::string word;
    while (at_ < text_.size() && blanks.find(text_[at_]) == std::string_view::npos) {
      const char next = text_[at_++];
      if (next == '\'') {
        read_single_quoted(word);
      } else if (next == '"') {
        read_double_quoted(word);
      } else if (next == '\\') {
        if (at_ == text_.size()) throw command_template::invalid("ends in a backslash that escapes nothing");
        word += text_[at_++];
      } else if (for_shells.find(next) != std::string_view::npos) {
        throw command_template::invalid(fmt::format("has a '{}', which is for a shell: quote it, or add --shell", next));
      } else {
        word += next;
      }
    }
    words_.push_back(std::move(word));
  }

  void read_single_quoted(std::string& word) {
    const std::size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) throw command_template::invalid("has a ' that nothing closes");
    word += text_.substr(at_, end - at_);
    at_ = end + 1;
  }

  void read_double_quoted(std::string& word) {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return;
      }
      const bool escapes = text_[at_] == '\\' && at_ + 1 < text_.size() &&
                           std::string_view("\"\\$`").find(text_[at_ + 1]) != std::string_view::npos;
      if (escapes) ++at_;
      word += text_[at_];
    }
    throw command_template::invalid("has a \" that nothing closes");
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
