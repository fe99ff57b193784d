#include "competitors/std_thread_pool.hpp"
#include "competitors/std_thread_rounds.hpp"
#include "competitors/std_thread_static.hpp"
#include "work/question.hpp"

namespace {

const bool entered = [] {
  work::enter<perf::std_thread_pool>();
  work::enter<perf::std_thread_rounds>();
  work::enter<perf::std_thread_static>();
  return true;
}();

}  // namespace
