// How many threads? Measured on this machine, kept in a file, and used from there.
#include <fanout/tuning.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

/// Asks a server that takes its time, and computes a little.
std::uint64_t query(int number) {
  std::this_thread::sleep_for(300us);
  std::uint64_t hash = 14695981039346656037u;
  for (int i = 0; i != 20'000; ++i) hash = (hash ^ static_cast<std::uint64_t>(number + i)) * 1099511628211u;
  return hash;
}

/// A directory for the profile, which is removed at the end.
struct temporary_directory {
  temporary_directory() {
    if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary directory can be made");
  }
  ~temporary_directory() { std::filesystem::remove_all(path); }

  std::string path = std::filesystem::temp_directory_path() / "fanout-tuning-XXXXXX";
};

int run(const std::filesystem::path& profile) {
  // Once, where the program is installed. A real program would leave the default budget of half a minute.
  const fanout::tuning_report report =
      fanout::tune([](fanout::executor& executor) { executor.map(std::views::iota(0, 50), query); },
                   {.budget = 3s, .workload = "queries"});
  std::fputs(report.to_table().c_str(), stdout);
  fanout::add_to_profile(profile, report);

  // At each start of the program. The cores, where nothing was measured on such a machine.
  const std::size_t measured = fanout::recommended_concurrency(profile, "queries", fanout::automatic);
  fanout::executor executor({.concurrency = measured});
  const auto answers = executor.map(std::views::iota(0, 200), query);

  const std::size_t unknown = fanout::recommended_concurrency(profile, "reports", fanout::automatic);
  std::printf("%zu answers with %zu threads\n", answers.size(), executor.concurrency());
  return measured == report.recommended() && unknown == fanout::automatic && answers[7] == query(7) ? 0 : 1;
}

}  // namespace

int main() try {
  const temporary_directory directory;
  return run(std::filesystem::path(directory.path) / "profile.json");
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
