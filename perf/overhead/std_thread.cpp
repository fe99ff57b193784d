#include "competitors/std_async.hpp"
#include "competitors/std_thread_pool.hpp"
#include "competitors/std_thread_rounds.hpp"
#include "competitors/std_thread_static.hpp"
#include "overhead/question.hpp"

namespace {

const bool entered = [] {
  overhead::enter<perf::std_async>();
  overhead::enter<perf::std_thread_pool>();
  overhead::enter<perf::std_thread_rounds>();
  overhead::enter<perf::std_thread_static>();
  return true;
}();

}  // namespace
