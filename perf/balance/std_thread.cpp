#include "balance/question.hpp"
#include "competitors/std_async.hpp"
#include "competitors/std_thread_pool.hpp"
#include "competitors/std_thread_rounds.hpp"
#include "competitors/std_thread_static.hpp"

namespace {

const bool entered = [] {
  balance::enter<perf::std_async>();
  balance::enter<perf::std_thread_pool>();
  balance::enter<perf::std_thread_rounds>();
  balance::enter<perf::std_thread_static>();
  return true;
}();

}  // namespace
