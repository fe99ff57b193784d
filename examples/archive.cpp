// Compresses a directory of any size into one archive, in the order of the names, in constant memory.
//
//     archive DIRECTORY ARCHIVE
//
// Without arguments it makes a directory, archives it, and checks the archive.
#include <fanout/fanout.hpp>

#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct entry {
  std::string name;
  std::string compressed;
};

std::string contents_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Runs on several files at once. Nothing else needs memory for whole files.
entry compress(const fs::path& file, const fs::path& below) {
  const std::string contents = contents_of(file);
  std::string compressed(ZSTD_compressBound(contents.size()), '\0');
  const std::size_t size =
      ZSTD_compress(compressed.data(), compressed.size(), contents.data(), contents.size(), /*level=*/9);
  if (ZSTD_isError(size) != 0U) throw std::runtime_error(ZSTD_getErrorName(size));
  compressed.resize(size);
  return {fs::relative(file, below).generic_string(), std::move(compressed)};
}

void write(std::ostream& out, const std::string& bytes) {
  const std::uint64_t size = bytes.size();
  out.write(reinterpret_cast<const char*>(&size), sizeof size);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Returns the number of files. However many there are, at most 16 are in memory; only their names are all known.
std::size_t archive(const fs::path& directory, const fs::path& target) {
  std::vector<fs::path> files;
  for (const auto& each : fs::recursive_directory_iterator(directory))
    if (each.is_regular_file()) files.push_back(each.path());
  std::ranges::sort(files);

  std::ofstream out(target, std::ios::binary);
  for (const entry& each : fanout::stream_in_parallel(
           files, [&](const fs::path& file) { return compress(file, directory); }, {.ahead = 16})) {
    write(out, each.name);
    write(out, each.compressed);
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + target.string());
  return files.size();
}

bool read(std::istream& in, std::string& bytes) {
  std::uint64_t size = 0;
  if (!in.read(reinterpret_cast<char*>(&size), sizeof size)) return false;
  bytes.resize(size);
  return static_cast<bool>(in.read(bytes.data(), static_cast<std::streamsize>(size)));
}

/// Makes a directory with some files, archives it and compares the archive with the files.
bool works() {
  const fs::path place = fs::temp_directory_path() / ("fanout_archive_" + std::to_string(std::random_device{}()));
  const fs::path directory = place / "files";
  fs::create_directories(directory / "inner");
  constexpr std::size_t count = 60;
  for (std::size_t i = 0; i != count; ++i) {
    const std::string name = (i % 2 == 0 ? "inner/" : "") + std::string("file_") + std::to_string(i);
    std::ofstream out(directory / name, std::ios::binary);
    for (std::size_t line = 0; line != 100 * i; ++line) out << "line " << line * i << " of " << name << "\n";
  }

  bool fine = archive(directory, place / "archive") == count;
  std::ifstream in(place / "archive", std::ios::binary);
  std::size_t seen = 0;
  std::string before;
  for (std::string name, compressed; read(in, name) && read(in, compressed); ++seen, before = name) {
    const std::string expected = contents_of(directory / name);
    std::string contents(expected.size(), '\0');
    const std::size_t size = ZSTD_decompress(contents.data(), contents.size(), compressed.data(), compressed.size());
    fine = fine && before < name && ZSTD_isError(size) == 0U && contents == expected;
  }
  std::printf("%zu files\n", seen);
  fs::remove_all(place);
  return fine && seen == count;
}

}  // namespace

int main(int count, char** arguments) try {
  if (count == 1) return works() ? 0 : 1;
  if (count != 3) throw std::runtime_error("usage: archive DIRECTORY ARCHIVE");
  std::printf("%zu files\n", archive(arguments[1], arguments[2]));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
