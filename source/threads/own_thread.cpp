#include "threads/own_thread.hpp"

#include <sched.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): the functions of POSIX
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <initializer_list>

#include "machine/affinity.hpp"

namespace fanout::detail {
namespace {

/// Blocks signals on this thread until the end of the scope. A thread that is created meanwhile inherits that: there
/// is no moment in which it could receive one.
///
/// These stay open: signals that a thread raises by what it executes, for which the program may have a handler (the
/// process would end without it), and SIGPROF, by which a profiler samples the threads that are running.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    ::sigset_t all;
    ::sigfillset(&all);
    for (const int open : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF}) ::sigdelset(&all, open);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  ::sigset_t before_{};
};

/// On Linux also the id of the main thread, whose settings are those of the process.
::id_t process_id() { return static_cast<::id_t>(::getpid()); }

}  // namespace

bool own_thread::start(std::size_t number, std::size_t stack_size, void (*function)(void*), void* argument) noexcept {
  number_ = number;
  function_ = function;
  argument_ = argument;
  ::pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return false;
  const bool has_stack = stack_size == 0 || ::pthread_attr_setstacksize(&attributes, stack_size) == 0;
  bool started = false;
  if (has_stack) {
    const signals_blocked meanwhile;
    started = ::pthread_create(&handle_, &attributes, [](void* self) { return run(self); }, this) == 0;
  }
  ::pthread_attr_destroy(&attributes);
  return started;
}

void* own_thread::run(void* thread) noexcept {
  const own_thread& self = *static_cast<own_thread*>(thread);
  char name[16];  // with the terminator, the longest that Linux allows
  std::snprintf(name, sizeof name, "fanout/%zu", self.number_);
  ::pthread_setname_np(::pthread_self(), name);
  self.function_(self.argument_);
  return nullptr;
}

bool own_thread::has_process_priority() noexcept {
  return ::getpriority(PRIO_PROCESS, 0) <= ::getpriority(PRIO_PROCESS, process_id()) &&
         ::sched_getscheduler(0) == ::sched_getscheduler(static_cast<::pid_t>(process_id()));
}

bool own_thread::adopt_process_settings() noexcept {
  const auto process = static_cast<::pid_t>(process_id());
  const ::cpu_set_t wanted = process_affinity();
  ::cpu_set_t mine;
  if (CPU_COUNT(&wanted) != 0 && ::sched_getaffinity(0, sizeof mine, &mine) == 0 && !CPU_EQUAL(&wanted, &mine))
    ::sched_setaffinity(0, sizeof wanted, &wanted);
  if (const int policy = ::sched_getscheduler(process); policy != ::sched_getscheduler(0)) {
    ::sched_param parameters{};
    ::sched_getparam(process, &parameters);
    ::sched_setscheduler(0, policy, &parameters);
  }
  const int nice_of_process = ::getpriority(PRIO_PROCESS, process_id());
  if (nice_of_process != ::getpriority(PRIO_PROCESS, 0)) ::setpriority(PRIO_PROCESS, 0, nice_of_process);
  return has_process_priority();
}

}  // namespace fanout::detail
