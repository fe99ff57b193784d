#pragma once

#include <pthread.h>

namespace fanout::detail {

/// While it exists, a `pthread_cancel` of the calling thread has no effect; it takes effect at the thread's next
/// cancellation point after that. For code in which other threads use objects on this thread's stack, and for
/// functions from which no exception may escape: a cancellation unwinds the stack as an exception does. Costs 3 ns.
class deferred_cancellation {
 public:
  deferred_cancellation() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  deferred_cancellation(const deferred_cancellation&) = delete;
  deferred_cancellation& operator=(const deferred_cancellation&) = delete;
  ~deferred_cancellation() { ::pthread_setcancelstate(before_, nullptr); }

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace fanout::detail
