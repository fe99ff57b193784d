#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

/// The question: how much memory has a process more, at its peak, while it maps n ints to n ints? Each reading is a
/// process of its own, and what the system says of it: results, queues, stacks and allocators, whoever allocates.
/// In the table **a microsecond is a byte a task**.
namespace memory {

inline constexpr std::size_t million = 1'000'000;
inline constexpr std::size_t sizes[] = {10'000, 100'000, million, 10 * million};

inline int compute(int item) { return item * 3 + 1; }

/// Maps the ints, with two threads or more. It is called twice in its process: for a few first, with which its threads,
/// arenas and the like come to be.
using map_ints = std::function<std::vector<int>(const std::vector<int>& items)>;

/// Registers a competitor for every size up to `largest`. `make` makes it, in the process in which it is measured.
void enter(const std::string& name, const std::function<map_ints()>& make, std::size_t largest = 10 * million);

}  // namespace memory
