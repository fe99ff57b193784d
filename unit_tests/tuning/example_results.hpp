#pragma once

#include "fanout/tuning.hpp"

namespace support {

/// Results such as a measurement gives, with numbers that no decimal text of a few digits holds.
inline fanout::tuning_results some_results() {
  return {.workload = "compress",
          .machine = {.cores = 4, .quota = 1.5, .available = 2},
          .rows = {{.concurrency = 1,
                    .repetitions = 7,
                    .median_seconds = 0.1 + 0.2,
                    .low_seconds = 0.29,
                    .high_seconds = 1.0 / 3,
                    .cpu_seconds = 0.3,
                    .voluntary_switches = 2.0 / 7,
                    .involuntary_switches = 11,
                    .peak_memory_bytes = 18'446'744'073'709'551'615u,
                    .contender = false,
                    .core_wait_seconds = 0.1 + 0.7,
                    .steal_seconds = 0.01},
                   {.concurrency = 2,
                    .repetitions = 12,
                    .median_seconds = 0.15,
                    .low_seconds = 0.149,
                    .high_seconds = 0.152,
                    .speedup = 2.0000000000000004,
                    .efficiency = 1.0000000000000002,
                    .cpu_seconds = 0.31,
                    .voluntary_switches = 40,
                    .involuntary_switches = 5e-324}},
          .recommended = 2,
          .confidence = 0.9995,
          .reason = "2 is 2.00 times as fast as 1.",
          .complete = true,
          .precise = false,
          .tolerance = 0.02,
          .seed = 18'446'744'073'709'551'615u,
          .budget = std::chrono::seconds(30),
          .elapsed = std::chrono::nanoseconds(12'345'678'901),
          .tasks = 50,
          .busy = false,
          .other_load = 0.07,
          .steal = 1.0 / 7};
}

}  // namespace support
