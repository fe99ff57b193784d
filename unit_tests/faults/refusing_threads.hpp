#pragma once

#include <cstddef>

/// Threads that are refused when a test says so. Link refusing_threads.cpp: its `pthread_create` takes the place of the
/// system's, for fanout, oneTBB and std::thread alike, and answers EAGAIN as the system does at its limit.
namespace support::threads {

/// How many threads there may be besides those that were not created (the main one), from now on. Those that exist
/// stay, as with a limit of the system's.
void limit(std::size_t most);

/// The threads that exist now and have been created.
std::size_t existing();

/// Only so many calls more are granted, whatever becomes of the threads: for a failure that no trial foresees.
void refuse_after(std::size_t calls);

/// No limit, of either kind.
void no_limit();

}  // namespace support::threads
