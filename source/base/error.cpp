#include "fanout/error.hpp"

#include <cxxabi.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>

#include "fanout/outcome.hpp"

namespace fanout {
namespace {

const std::exception_ptr& checked(const std::exception_ptr& cause) {
  if (cause == nullptr) throw std::invalid_argument("a task_error needs a cause");
  return cause;
}

const std::vector<task_error>& checked(const std::vector<task_error>& errors) {
  if (errors.empty()) throw std::invalid_argument("an aggregate_error needs at least one error");
  return errors;
}

/// Makes a `nested_exception` of `cause`. Its constructor takes the exception that is being handled, so this rethrows
/// the cause and catches it.
std::nested_exception nest(const std::exception_ptr& cause) {
  try {
    std::rethrow_exception(cause);
  } catch (...) {
    return {};
  }
}

/// The text, or as much of its beginning as a message may hold, with an ellipsis. Cuts between characters of UTF-8.
std::string beginning_of(const char* text) {
  constexpr std::size_t most = 2'000;
  const std::size_t length = ::strnlen(text, most + 1);
  if (length <= most) return {text, length};
  const auto continues = [text](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U; };
  std::size_t end = most;
  // A character has at most three bytes that continue it. Where there are more, the text is not UTF-8.
  while (end > most - 3 && continues(end)) --end;
  return std::string(text, continues(end) ? most : end) + "…";
}

/// Names the type of the exception that is being handled.
std::string type_of_handled() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  if (type == nullptr) return "an unknown exception";
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), &std::free);
  return "an exception of type " + beginning_of(status == 0 ? name.get() : type->name());
}

std::string count_of(std::size_t failed, std::size_t total) {
  return std::to_string(failed) + " of " + std::to_string(total) + (total == 1 ? " task" : " tasks");
}

std::string after_attempts(unsigned attempts) {
  return attempts > 1 ? " after " + std::to_string(attempts) + " attempts" : "";
}

/// One that has a cause. Without one, `std::rethrow_if_nested` would end the process.
class task_timed_out_and_threw final : public task_timed_out, public std::nested_exception {
 public:
  task_timed_out_and_threw(const std::string& text, const std::exception_ptr& cause)
      : task_timed_out(text), std::nested_exception(nest(cause)) {}
};

std::string text_of(std::chrono::nanoseconds limit) {
  using namespace std::chrono_literals;
  for (const auto& [unit, name] : {std::pair(std::chrono::nanoseconds(1s), " s"), std::pair(std::chrono::nanoseconds(1ms), " ms"),
                                   std::pair(std::chrono::nanoseconds(1us), " us")})
    if (limit % unit == 0ns) return std::to_string(limit / unit) + name;
  return std::to_string(limit.count()) + " ns";
}

}  // namespace

task_error::task_error(std::size_t index, const std::exception_ptr& cause, unsigned attempts)
    : error("task " + std::to_string(index) + " failed" + after_attempts(attempts) + ": " +
            detail::describe(checked(cause))),
      std::nested_exception(nest(cause)),
      index_(index),
      attempts_(attempts) {}

aggregate_error::aggregate_error(std::vector<task_error> errors, std::size_t total)
    : error(count_of(checked(errors).size(), total) + " failed; the first: " + errors.front().what()),
      errors_(std::make_shared<const std::vector<task_error>>(std::move(errors))) {}

operation_cancelled::operation_cancelled(const std::string& what, std::size_t completed, std::size_t total,
                                         std::vector<task_error>&& errors)
    : error(what + " after " + count_of(completed, total) +
            (errors.empty() ? "" : ", " + std::to_string(errors.size()) + " of which failed")),
      completed_(completed),
      total_(total),
      errors_(std::make_shared<const std::vector<task_error>>(std::move(errors))) {}

operation_cancelled::operation_cancelled(std::size_t completed, std::size_t total, std::vector<task_error> errors)
    : operation_cancelled("cancelled", completed, total, std::move(errors)) {}

operation_cancelled::operation_cancelled(const std::string& what)
    : error(what), errors_(std::make_shared<const std::vector<task_error>>()) {}

deadline_exceeded::deadline_exceeded(std::size_t completed, std::size_t total, std::vector<task_error> errors)
    : operation_cancelled("the time limit was over", completed, total, std::move(errors)) {}

task_refused::task_refused(const std::string& why) : error("the task was refused: " + why) {}

pool_closed::pool_closed() : error("the pool has been closed") {}

resource_error::resource_error(std::size_t requested, std::size_t available)
    : error("the process may not create the threads: " + std::to_string(requested) + " are needed, " +
            std::to_string(available) + " are available, including the calling thread"),
      requested_(requested),
      available_(available) {}

const char* error::what() const noexcept { return std::runtime_error::what(); }
const char* task_error::what() const noexcept { return error::what(); }
const char* aggregate_error::what() const noexcept { return error::what(); }
const char* operation_cancelled::what() const noexcept { return error::what(); }
const char* deadline_exceeded::what() const noexcept { return operation_cancelled::what(); }
const char* task_timed_out::what() const noexcept { return error::what(); }
const char* task_refused::what() const noexcept { return error::what(); }
const char* pool_timeout::what() const noexcept { return error::what(); }
const char* pool_closed::what() const noexcept { return error::what(); }
const char* resource_error::what() const noexcept { return error::what(); }

namespace detail {

std::exception_ptr timed_out(std::chrono::nanoseconds limit, const std::exception_ptr& cause) {
  const std::string text = "it took longer than " + text_of(limit);
  if (cause == nullptr) return std::make_exception_ptr(task_timed_out(text));
  return std::make_exception_ptr(task_timed_out_and_threw(text + ", and then threw: " + describe(cause), cause));
}

std::string describe(const std::exception_ptr& cause) {
  try {
    std::rethrow_exception(cause);
  } catch (const std::exception& e) {
    const char* const text = e.what();
    if (text != nullptr && *text != '\0') return beginning_of(text);
    return type_of_handled() + " without a text";
  } catch (...) {
    return type_of_handled();
  }
}

#ifdef _GLIBCXX_DEBUG
const bool library_is_compiled_with_GLIBCXX_DEBUG = true;
#endif

void require_exception() noexcept {
  if (std::current_exception() != nullptr) return;
  std::fputs("fanout: a task or a callback ends its thread, by pthread_exit or by a cancellation that it allows, or "
             "throws an exception of another language\n", stderr);
  std::abort();
}

void throw_task_error(std::size_t index, const std::exception_ptr& cause, unsigned attempts) {
  throw task_error(index, cause, attempts);
}
void throw_task_cancelled() { throw operation_cancelled(0, 1); }

}  // namespace detail
}  // namespace fanout
