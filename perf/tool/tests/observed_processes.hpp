#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

/// What the system says of processes.
namespace tool {

struct observed_process {
  pid_t number = 0;
  std::string name;
  char state = '?';  // as in /proc/PID/stat: T for stopped, Z for ended
  pid_t parent = 0;
  pid_t group = 0;
};

/// All processes that have not ended.
inline std::vector<observed_process> all_processes() {
  std::vector<observed_process> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string number = entry.path().filename();
    if (number.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text;
    std::getline(file, text, '\0');  // of a process that has ended meanwhile it fails
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (close == std::string::npos) continue;
    observed_process process{.number = std::stoi(number), .name = text.substr(open + 1, close - open - 1)};
    std::istringstream(text.substr(close + 1)) >> process.state >> process.parent >> process.group;
    if (process.state != 'Z' && process.state != 'X') all.push_back(process);
  }
  return all;
}

/// Those for which `matches` holds.
template <class F>
std::vector<observed_process> processes_that(const F& matches) {
  std::vector<observed_process> all = all_processes();
  all.erase(std::remove_if(all.begin(), all.end(), [&](const auto& each) { return !matches(each); }), all.end());
  return all;
}

inline std::vector<observed_process> processes_in_groups(const std::vector<pid_t>& groups) {
  return processes_that([&](const observed_process& process) {
    return std::find(groups.begin(), groups.end(), process.group) != groups.end();
  });
}

/// Waits for what happens soon, even on a loaded machine. Returns whether it happened.
template <class F>
bool eventually(const F& happened) {
  for (int attempt = 0; attempt != 3'000; ++attempt) {
    if (happened()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

/// The numbers after the word, as in "group 17 ... group 18".
inline std::vector<pid_t> numbers_after(const std::string& word, const std::string& text) {
  std::vector<pid_t> numbers;
  std::istringstream words(text);
  for (std::string each; words >> each;) {
    pid_t number = 0;
    if (each == word && words >> number) numbers.push_back(number);
  }
  return numbers;
}

}  // namespace tool
