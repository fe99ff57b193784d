#include "competitors/std_async.hpp"
#include "competitors/std_thread_pool.hpp"
#include "competitors/std_thread_rounds.hpp"
#include "competitors/std_thread_static.hpp"
#include "latency/question.hpp"

namespace {

const bool entered = [] {
  latency::enter<perf::std_async>();
  latency::enter<perf::std_thread_pool>();
  latency::enter<perf::std_thread_rounds>();
  latency::enter<perf::std_thread_static>();
  latency::enter_named<perf::std_async>();
  latency::enter_named<perf::std_thread_pool>();
  latency::enter_named<perf::std_thread_rounds>();
  latency::enter_named<perf::std_thread_static>();
  latency::enter_making<perf::std_thread_pool>();
  return true;
}();

}  // namespace
