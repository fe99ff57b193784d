#include "workloads/mixed.hpp"

#include <fmt/format.h>

#include <ctime>

#include "workloads/checksum.hpp"
#include "workloads/sleep.hpp"

namespace tool {
namespace {

std::chrono::nanoseconds cpu_time_of_thread() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// The checksum does not depend on how often the loop goes round.
void compute(std::chrono::nanoseconds time, const std::stop_token& stop) {
  const auto end = cpu_time_of_thread() + time;
  std::uint64_t value = 1;
  while (cpu_time_of_thread() < end && !stop.stop_requested()) {
    for (int i = 0; i < 1'000; ++i) value = mix(value);
    asm volatile("" : "+r"(value));  // or the compiler would leave the work out
  }
}

}  // namespace

mixed_workload::mixed_workload(std::size_t tasks, std::chrono::milliseconds duration, std::size_t waiting)
    : tasks_(tasks), duration_(duration), waiting_(waiting) {}

std::string mixed_workload::summary() const {
  return fmt::format("{} tasks of {} ms, {} % of it waiting", tasks_, duration_.count(), waiting_);
}

parameters mixed_workload::description() const {
  return {{"milliseconds", static_cast<std::uint64_t>(duration_.count())},
          {"waiting_percent", static_cast<std::uint64_t>(waiting_)}};
}

std::string mixed_workload::task_name(std::size_t index) const { return fmt::format("task {}", index); }

std::uint64_t mixed_workload::run(std::size_t index, const std::stop_token& stop) const {
  const std::chrono::nanoseconds all = duration_;
  const std::chrono::nanoseconds waiting = all * static_cast<std::int64_t>(waiting_) / 100;
  compute(all - waiting, stop);
  wait_for(waiting, stop);
  return combine(index, static_cast<std::uint64_t>(duration_.count()));
}

}  // namespace tool
