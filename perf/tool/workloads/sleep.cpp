#include "workloads/sleep.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

#include "workloads/checksum.hpp"

namespace tool {

void wait_for(std::chrono::nanoseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, time, [] { return false; });
}

sleep_workload::sleep_workload(std::size_t tasks, std::chrono::milliseconds duration)
    : tasks_(tasks), duration_(duration) {}

std::string sleep_workload::summary() const { return fmt::format("{} tasks of {} ms", tasks_, duration_.count()); }

parameters sleep_workload::description() const {
  return {{"milliseconds", static_cast<std::uint64_t>(duration_.count())}};
}

std::string sleep_workload::task_name(std::size_t index) const { return fmt::format("task {}", index); }

std::uint64_t sleep_workload::run(std::size_t index, const std::stop_token& stop) const {
  wait_for(duration_, stop);
  return combine(index, static_cast<std::uint64_t>(duration_.count()));
}

}  // namespace tool
