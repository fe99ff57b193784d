// expect: the range owns the function: it copies an lvalue and moves an rvalue
#include <memory>
#include <optional>

#include <fanout/fanout.hpp>

void wrong_use() {
  const auto next = [last = std::make_unique<int>(3)]() -> std::optional<int> { return *last; };
  fanout::from_callable(next);
}
