// Feeds files to a fuzz target, in place of an engine: what was found once is looked for by each compiler, in each build.
//
//   <target> [-runs=…] [-timeout=SECONDS] FILE|FOLDER…        options as libFuzzer takes them
//
// Names each file before the target gets it, so the last name is that of the input which ended the process.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "fuzz.hpp"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& place) {
  if (!fs::is_directory(place)) return {place};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(place)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw fs::filesystem_error("cannot read", path, std::make_error_code(std::errc::io_error));
  return {std::istreambuf_iterator<char>(file), {}};
}

void replay(const fs::path& file, unsigned seconds) {
  std::fprintf(stderr, "%s\n", file.c_str());
  const std::string content = content_of(file);
  // Memory of just this size, so that a sanitizer sees the first byte read beyond it.
  const std::vector<std::uint8_t> bytes(content.begin(), content.end());
  alarm(seconds);  // its signal ends the process
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  alarm(0);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::string_view timeout = "-timeout=";
  unsigned seconds = 20;
  int replayed = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(timeout)) seconds = static_cast<unsigned>(std::atoi(argv[i] + timeout.size()));
    if (argument.starts_with('-')) continue;
    for (const fs::path& file : files_of(argument)) {
      replay(file, seconds);
      ++replayed;
    }
  }
  std::fprintf(stderr, "%d inputs replayed\n", replayed);
  return replayed > 0 ? 0 : 1;
}
