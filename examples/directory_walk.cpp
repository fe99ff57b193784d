// A directory is walked in parallel: each folder is a task, and adds a task for each folder in it.
#include <fanout/fanout.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace fs = std::filesystem;

namespace {

struct totals {
  std::atomic<std::uintmax_t> files{0};
  std::atomic<std::uintmax_t> bytes{0};
};

void walk(fanout::task_scope& scope, totals& found, const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && !entry.is_symlink()) {
      scope.add([&scope, &found, inner = entry.path()] { walk(scope, found, inner); });
    } else if (entry.is_regular_file()) {
      ++found.files;
      found.bytes += entry.file_size();
    }
  }
}

/// Makes a tree of 3 + 9 + 27 folders with a file each.
void plant(const fs::path& folder, int depth) {
  if (depth == 0) return;
  for (int i = 0; i != 3; ++i) {
    const fs::path inner = folder / std::to_string(i);
    fs::create_directories(inner);
    std::ofstream(inner / "file") << "ten bytes\n";
    plant(inner, depth - 1);
  }
}

}  // namespace

int main() {
  const fs::path root = fs::temp_directory_path() / ("fanout_walk_" + std::to_string(std::hash<std::string>()(__FILE__)));
  fs::remove_all(root);
  plant(root, 3);

  totals found;
  fanout::task_scope scope({.concurrency = 8});  // folders wait for the disk, so more than there are cores
  scope.add([&] { walk(scope, found, root); });
  scope.join();  // waits for the folders that are added meanwhile, too, and throws if one could not be read
  std::printf("%ju files, %ju bytes\n", found.files.load(), found.bytes.load());

  // A folder that is not there: the walk ends, and says which task it was, and why.
  bool told = false;
  fanout::task_scope failing;
  failing.add([&] { walk(failing, found, root / "nowhere"); });
  try {
    failing.join();
  } catch (const fanout::task_error& e) {
    std::printf("%s\n", e.what());
    told = e.index() == 0;
  }

  fs::remove_all(root);
  return found.files == 39 && found.bytes == 390 && told ? 0 : 1;
}
