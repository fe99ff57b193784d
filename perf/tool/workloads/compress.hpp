#pragma once

#include <fanout/resource_pool.hpp>

#include "workloads/file_list.hpp"
#include "workloads/workload.hpp"

namespace tool {

/// Compresses files with zstd, one file a task: real input, whose tasks differ in cost by orders of magnitude. A task
/// opens and reads its file itself, in pieces, so a file of any size needs the same memory.
class compress_workload final : public workload {
 public:
  /// Requires at least one path in `files`. `directory` is what the user named; `level` is zstd's. No task waits for
  /// another while not more than `concurrency` run at once.
  compress_workload(std::string directory, file_list files, int level, std::size_t concurrency);
  ~compress_workload() override;

  std::string_view name() const override { return "compress"; }
  std::string summary() const override;
  parameters description() const override;
  std::span<const std::string> input_files() const override { return files_.paths; }
  std::size_t task_count() const override { return files_.paths.size(); }
  std::string task_name(std::size_t index) const override { return files_.paths[index]; }
  std::uint64_t run(std::size_t index, const std::stop_token& stop) const override;

 private:
  class compressor;

  std::string directory_;
  file_list files_;
  int level_;
  mutable fanout::resource_pool<compressor> compressors_;  // any thread may use it
};

}  // namespace tool
