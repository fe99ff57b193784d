#pragma once

#include <sched.h>

/// The CPUs on which this process may run, for the number of threads that it can use and for the threads that fanout
/// creates.
///
/// The affinity mask of the process is that of its main thread: `taskset`, containers and job schedulers set it
/// before the program starts. But an OpenMP runtime that binds threads (`OMP_PROC_BIND=true`) binds the main thread
/// as well, libgomp even before `main`. From then on the mask of the main thread says where OpenMP wants that thread,
/// not what the process may use.
namespace fanout::detail {

/// The mask of the main thread and, if an OpenMP runtime binds threads, the places that it has. A main thread with a
/// single CPU has probably been bound to it, by OpenMP or by the application, so then the masks of all other threads
/// are added. Under `taskset -c 0` they all have the same CPU.
///
/// Empty if the kernel has room for more CPUs than a `cpu_set_t`, which is 1,024. Costs one system call, and one for
/// each thread of the process if the main thread has a single CPU. If the environment asks OpenMP to bind threads,
/// also about 100 µs to ask the runtime.
cpu_set_t process_affinity() noexcept;

/// While it exists, the main thread may run on all CPUs of the process, unless it can anyway. For a library that
/// reads the mask of the main thread and keeps it.
class widened_main_thread {
 public:
  widened_main_thread() noexcept;
  widened_main_thread(const widened_main_thread&) = delete;
  widened_main_thread& operator=(const widened_main_thread&) = delete;
  ~widened_main_thread();

 private:
  cpu_set_t before_;
  bool changed_ = false;
};

}  // namespace fanout::detail
