#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tool {

/// A part of the input that cannot be read. The rest of the workload is still done.
class input_error : public std::runtime_error {
 public:
  input_error(std::string path, const std::string& reason) : std::runtime_error(reason), path_(std::move(path)) {}

  /// The bytes of the name as the file system has them: in no particular encoding.
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// What a workload was made with, in the order in which reports show it.
using parameters = std::vector<std::pair<std::string, std::variant<std::uint64_t, std::string>>>;

/// Independent tasks, numbered from 0, that leave nothing behind but a checksum each.
class workload {
 public:
  workload() = default;
  virtual ~workload() = default;
  workload(const workload&) = delete;
  workload& operator=(const workload&) = delete;

  /// The name by which the command line knows it.
  virtual std::string_view name() const = 0;

  /// One line for people: what the input is, and how much of it there is.
  virtual std::string summary() const = 0;

  virtual parameters description() const = 0;

  /// The files that the tasks read, as far as the tool knows them.
  virtual std::span<const std::string> input_files() const { return {}; }

  /// At least 1.
  virtual std::size_t task_count() const = 0;

  /// How a message names a task.
  virtual std::string task_name(std::size_t index) const = 0;

  /// Whether each task brings threads of its own, as many as `use_threads` was told. They run one after another.
  virtual bool brings_threads() const { return false; }

  /// Requires that no task runs.
  virtual void use_threads(std::size_t /*threads*/) {}

  /// The peak resident memory of the largest process that tasks have run since the last call; none if they run no
  /// processes. Requires that no task runs.
  virtual std::optional<std::uint64_t> take_peak_memory() { return std::nullopt; }

  /// Does the task and returns its checksum: the same one each time, unless the input changes. Several threads may call
  /// it at once. Throws `input_error` for input that cannot be read. Once `stop` is requested it returns soon, with
  /// any value.
  virtual std::uint64_t run(std::size_t index, const std::stop_token& stop) const = 0;
};

}  // namespace tool
