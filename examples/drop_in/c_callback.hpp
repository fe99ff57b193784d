#pragma once

#include <fanout/fanout.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <new>
#include <stdexcept>
#include <vector>

/// What a program in C calls must not throw. Functions that do not: the loop of a library that takes its threads from its
/// user, and a batch that reports failures as codes. unit_tests/faults/c_callback_test.cpp refuses them memory and threads.
namespace drop_in {

/// The code for an exception of a task or a call.
inline int code_of(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  } catch (const fanout::resource_error&) {
    return EAGAIN;  // what pthread_create returns
  } catch (const std::invalid_argument&) {
    return EINVAL;
  } catch (...) {
    return EIO;
  }
}

extern "C" {

/// Creates the executor for `run_jobs`: the `user` pointer of the library. Returns 0, or a code; then the library keeps
/// the loop that it has.
inline int create_user(std::size_t threads, void** user) noexcept {
  try {
    *user = new fanout::executor({.concurrency = threads});
    return 0;
  } catch (...) {
    return code_of(std::current_exception());
  }
}

inline void destroy_user(void* user) noexcept { delete static_cast<fanout::executor*>(user); }

using c_job = void (*)(void* data, int index);

/// Calls `job(data, i)` once for each i from 0 to count - 1, and returns when all have ended. Whatever happens, no job is
/// left out, and none is called twice.
inline void run_jobs(int count, c_job job, void* data, void* user) noexcept {
  std::atomic<int> next = 0;  // taken from by all threads; relaxed, because only the numbers must differ
  const auto run_next = [&]() noexcept { job(data, next.fetch_add(1, std::memory_order_relaxed)); };
  try {
    static_cast<const fanout::executor*>(user)->map(count, [&](int) { run_next(); });
  } catch (...) {  // there was no memory for the batch; jobs that had started have ended
    while (next < count) run_next();
  }
}

}  // extern "C"

/// Calls `task(i)` for each i from 0 to count - 1, and writes to `codes` how each call ended: 0 if it returned. Returns 0,
/// or the code of the call; then no task has run if the executor has a named limit.
template <class Task>
int run_for_codes(const fanout::executor& on, std::size_t count, const Task& task, int* codes) noexcept {
  try {
    const std::vector<fanout::outcome<void>> outcomes = on.settle_map(count, task);
    for (std::size_t i = 0; i != count; ++i) codes[i] = outcomes[i] ? 0 : code_of(outcomes[i].error());
    return 0;
  } catch (...) {
    return code_of(std::current_exception());
  }
}

}  // namespace drop_in
