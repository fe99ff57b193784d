#pragma once


#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

/// Counts the threads of this process that run or could run, whoever created them, while a function is called: what Linux
/// says in /proc/self/task. A thread that waits does not count, nor does the one that counts.
class threads_at_work {
 public:
  /// The median of many looks while `work()` is called. Not the most: a thread that has ended its work looks for more for
  /// some microseconds before it sleeps, and counts then.
  template <class Work>
  static std::size_t during(const Work& work) {
    std::vector<std::size_t> seen{0};
    {
      const std::jthread looks([&seen](const std::stop_token& over) {
        while (!over.stop_requested()) {
          seen.push_back(now());
          std::this_thread::sleep_for(std::chrono::microseconds(500));
        }
      });
      work();
    }
    const auto middle = seen.begin() + static_cast<std::ptrdiff_t>(seen.size() / 2);
    std::nth_element(seen.begin(), middle, seen.end());
    return *middle;
  }

 private:
  static std::size_t now() {
    const std::string me = std::to_string(::gettid());
    std::size_t running = 0;
    std::error_code ended;  // a thread may end meanwhile
    for (std::filesystem::directory_iterator it("/proc/self/task", ended), end; it != end; it.increment(ended)) {
      if (it->path().filename() == me) continue;
      std::ifstream file(it->path() / "stat");
      std::string line;
      std::getline(file, line);
      const std::size_t state = line.rfind(") ");  // behind the name of the thread, which may have parentheses
      if (state != std::string::npos && line[state + 2] == 'R') ++running;
    }
    return running;
  }
};
