#pragma once

#include <cstddef>

/// What a plugin can do, by the name of the function. No exception leaves it.
namespace plugin {

/// The limit `fanout::automatic`.
inline constexpr std::size_t automatic = 0;

/// Whether the tasks of a free call are in flight together, as many as the limit.
using free_call_reaches = bool(std::size_t limit);

/// The same for the tasks of an executor that is made for them.
using executor_reaches = bool(std::size_t limit);

/// Makes an executor, lets it run a batch and keeps it: null if there is none.
using make_executor = void*(std::size_t limit);

/// Destroys it.
using destroy_executor = void(void* made);

/// Makes an executor for the calling thread, which lives until the thread ends, and lets it run a batch.
using use_executor_of_thread = bool(std::size_t limit);

}  // namespace plugin
