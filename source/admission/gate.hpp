#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>

#include "executor/batch_scope.hpp"

/// What a batch and an admission say to each other.
namespace fanout::detail {

/// A batch that asks whether its next task may start.
class applicant {
 public:
  /// It should ask again. Called from any thread, under the mutex of what admits; so it must not call the gate. False
  /// if it cannot ask soon, because it waits for a place of its executor: then others may pass it until it asks
  /// again.
  virtual bool ask_again() noexcept = 0;

  /// The entry of the task that started the batch, and does not end before it; null if no task did. Other threads
  /// look at it while the batch waits.
  const scope_entry* const started_in;

 protected:
  explicit applicant(const scope_entry* in) : started_in(in) {}
  ~applicant() = default;
};

struct admission_reply {
  enum class kind { yes, wait, never };
  kind what = kind::yes;
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();  // of `wait`: see `ask`
  std::exception_ptr why{};  // of `never`: the failure of the task
};

/// What one batch has at one admission. One thread of the batch at a time calls `ask` and `leave`; any calls the
/// others.
class gate {
 public:
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;
  virtual ~gate() = default;  // after `leave`, if it waits

  /// May task `index` start? If `yes`, it holds what it needs until `end`. If `wait`, the batch may be in a line from
  /// now on, until `leave` or another reply. Then it asks again when `applicant::ask_again` is called, at the time
  /// `until`, and when one of its tasks has ended; also for another index. `running`: how many tasks of the batch
  /// have been admitted and have not ended. May throw: that ends the batch. Then it is in no line any more.
  virtual admission_reply ask(std::size_t index, std::size_t running) = 0;

  /// The batch waits no more, and takes nothing. Does nothing if it does not wait.
  virtual void leave() noexcept {}

  /// The batch cannot ask soon, as if `applicant::ask_again` had said so: others may pass it until it asks again.
  virtual void step_aside() noexcept {}

  /// The task begins now: called on its thread, at the last moment, and inside the entry of the batch.
  virtual void begin(std::size_t /*index*/) noexcept {}

  /// The task has ended or, without `begin`, does not start after all.
  virtual void end(std::size_t /*index*/) noexcept {}

 protected:
  gate() = default;
};

/// What is behind an `admission`.
class admission_rule {
 public:
  admission_rule(const admission_rule&) = delete;
  admission_rule& operator=(const admission_rule&) = delete;
  virtual ~admission_rule() = default;

  /// A batch of `size` tasks comes. Throws what its call must throw, before any of its tasks has started: also if
  /// `who` has a gate of the same budget or rate already. Calls the user's functions only here and in `gate::ask`.
  virtual std::unique_ptr<gate> open(std::size_t size, applicant& who) const = 0;

  /// A batch asks its admissions in the order of these numbers, the same over the process, and holds what it has got
  /// while it waits for the next; so two batches never wait for each other. First those that hold nothing that others
  /// could wait for (rules of the user: 0; memory: 1), then budgets, in the order in which they were made, then
  /// limits of rates, in that order: a start that was counted must follow at once.
  virtual std::uint64_t order() const noexcept = 0;

 protected:
  admission_rule() = default;
};

}  // namespace fanout::detail
