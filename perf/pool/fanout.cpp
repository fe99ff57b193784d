#include <fanout/fanout.hpp>

#include "pool/question.hpp"

namespace {

template <fanout::pool_reuse reuse>
class lender {
 public:
  explicit lender(std::size_t size) : pool_([] { return pool::resource(); }, size, {.reuse = reuse}) {}

  auto acquire() { return pool_.acquire(); }
  std::size_t waiting() const { return pool_.waiting(); }

 private:
  fanout::resource_pool<pool::resource> pool_;
};

const bool entered = [] {
  pool::enter<lender<fanout::pool_reuse::rotate>>("fanout");
  pool::enter<lender<fanout::pool_reuse::rotate>>("fanout_again");
  pool::enter<lender<fanout::pool_reuse::most_recent>>("fanout_most_recent");
  return true;
}();

}  // namespace
