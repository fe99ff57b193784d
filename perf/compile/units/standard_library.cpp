#include <functional>
#include <future>
#include <thread>
#include <vector>

std::vector<int> run(const std::vector<std::function<int()>>& tasks) {
  std::vector<std::future<int>> futures;
  for (const auto& task : tasks) futures.push_back(std::async(std::launch::async, task));
  std::vector<int> results;
  for (auto& each : futures) results.push_back(each.get());
  return results;
}
