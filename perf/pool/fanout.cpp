#include <fanout/fanout.hpp>

#include "pool/question.hpp"

namespace {

class lender {
 public:
  explicit lender(std::size_t size) : pool_([] { return pool::resource(); }, size) {}

  auto acquire() { return pool_.acquire(); }
  std::size_t waiting() const { return pool_.waiting(); }

 private:
  fanout::resource_pool<pool::resource> pool_;
};

const bool entered = [] {
  pool::enter<lender>("fanout");
  pool::enter<lender>("fanout_again");
  return true;
}();

}  // namespace
