// Files of very unequal sizes: the largest first, and never more of them in memory than fit.
#include <fanout/fanout.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

namespace {

/// Stands for a file that is read as a whole.
struct file {
  std::string name;
  std::size_t size;
};

std::atomic<std::uint64_t> in_memory{0};
std::atomic<std::uint64_t> most_in_memory{0};

/// Takes a time in proportion to the size.
std::uint64_t checksum(const file& of) {
  const std::uint64_t now = in_memory += of.size;
  for (std::uint64_t seen = most_in_memory; now > seen && !most_in_memory.compare_exchange_weak(seen, now);) {
  }
  const std::vector<unsigned char> contents(of.size, 7);
  const std::uint64_t sum = std::accumulate(contents.begin(), contents.end(), std::uint64_t{0});
  in_memory -= of.size;
  return sum;
}

}  // namespace

int main() {
  std::vector<file> files;
  for (std::size_t i = 0; i != 200; ++i) files.push_back({"small " + std::to_string(i), 10'000 + i});
  files.push_back({"large", 20'000'000});  // the last in the list, and as long as all others

  const auto size_of = [&](std::size_t i) { return files[i].size; };

  // Largest first. In the order of the list, one thread would be busy with the last file when the others are done.
  std::atomic<std::size_t> first{files.size()};
  fanout::map_in_parallel(files, [&](const file& each, const fanout::task_context& context) {
    std::size_t none = files.size();
    first.compare_exchange_strong(none, context.index());
    return checksum(each);
  }, {.concurrency = 4, .priority = [&](std::size_t i) { return static_cast<std::int64_t>(size_of(i)); }});
  std::printf("the first to start: %s\n", files[first].name.c_str());

  // Never more than 20 MB at once, however many threads there are.
  most_in_memory = 0;
  const fanout::resource_budget memory(20'000'000);
  const auto sums = fanout::map_in_parallel(files, checksum, {.concurrency = 4, .admit = {memory.by(size_of)}});
  std::printf("%zu files, at most %llu bytes at once\n", sums.size(),
              static_cast<unsigned long long>(most_in_memory.load()));
  const bool fitted = most_in_memory <= memory.capacity();

  // Beside what the tasks say they need: start no more of them while less than 100 MB are available to this process.
  const auto again = fanout::map_in_parallel(files, checksum, {.admit = {fanout::free_memory_above(100'000'000)}});

  return fitted && again == sums && sums[7] == 7 * files[7].size ? 0 : 1;
}
