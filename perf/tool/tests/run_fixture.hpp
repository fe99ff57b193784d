#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {

/// Runs `fanout run` over a list of its own. The commands of a shell find the directory of the test as `$PLACE`.
class Run : public testing::Test {
 protected:
  Run() {
    setting_.before_start = [this] { setenv("PLACE", place_.path().c_str(), 1); };
  }

  command_result run(const std::string& command, const std::string& list, std::vector<std::string> more = {}) const {
    const std::vector<std::string> all{"run", "--command", command, "--input-list", place_.write("list", list)};
    more.insert(more.begin(), all.begin(), all.end());
    return run_command(more, setting_);
  }

  command_result run_shell(const std::string& command, const std::string& list,
                           std::vector<std::string> more = {}) const {
    more.emplace_back("--shell");
    return run(command, list, std::move(more));
  }

  /// A list of the numbers from 1 to `most`.
  static std::string numbers(int most) {
    std::string list;
    for (int i = 1; i <= most; ++i) list += std::to_string(i) + "\n";
    return list;
  }

  bool exists(const std::string& name) const { return std::filesystem::exists(place_.path(name)); }

  temporary_directory place_;
  command_setting setting_;
};

/// Whether a text has another one in it; the text if not.
inline testing::AssertionResult has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << part << "' is not in: " << text;
}

/// For a shell: waits until a file exists.
inline std::string wait_for_file(const std::string& name) {
  return "while [ ! -e \"$PLACE/" + name + "\" ]; do sleep 0.01; done; ";
}

}  // namespace tool
