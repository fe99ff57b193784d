#include "blocking/question.hpp"
#include "competitors/std_async.hpp"
#include "competitors/std_thread_pool.hpp"
#include "competitors/std_thread_rounds.hpp"
#include "competitors/std_thread_static.hpp"

namespace {

const bool entered = [] {
  blocking::enter<perf::std_async>();
  blocking::enter<perf::std_thread_pool>();
  blocking::enter<perf::std_thread_rounds>();
  blocking::enter<perf::std_thread_static>();
  blocking::enter_meetings<perf::std_async>();
  blocking::enter_meetings<perf::std_thread_pool>();
  blocking::enter_meetings<perf::std_thread_rounds>();
  blocking::enter_meetings<perf::std_thread_static>();
  return true;
}();

}  // namespace
