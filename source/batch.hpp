#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "adaptation.hpp"
#include "arena.hpp"
#include "claims.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/error.hpp"
#include "frame.hpp"
#include "gate.hpp"
#include "presence.hpp"
#include "progress.hpp"

namespace fanout::detail {

/// One batch, from its first task to what its call returns or throws.
///
/// Its threads are a team: each is a **runner**, a loop that takes tasks until none is left. What they share is
/// the claims, the progress, and the **verdict**: how the batch ends. The verdict is decided once, by whatever
/// comes first in time, by a compare-and-swap from `undecided`; who decides it writes what belongs to it, which is
/// read when all runners have ended. (One change is possible: a cancelled batch that finds no memory for a failure that
/// it has to tell is broken.) Everything that is written by a runner is read after the team has been joined.
class batch final : public batch_control, public team {
 public:
  /// Runs on `runners` threads at most. `promised`: they were named by a caller. Helpers pass the entrance, if there
  /// is one. The presence of the calling thread ends with its runner: while it waits for the others it works for
  /// nobody. `adapt_from`: begins with so many runners and seeks the best number; 0 for all of them, all the time.
  batch(const batch_request& request, std::size_t runners, const frame& place, bool promised, gate* entrance,
        presence& caller, std::size_t adapt_from = 0);

  /// How many helpers it wants at first.
  std::size_t first_helpers() const { return (adaptation_ ? adaptation_->wanted() : runners_.size()) - 1; }

  /// The runner of the calling thread: with helpers, or alone.
  void lead(crew& helpers) noexcept override;
  void run_alone() noexcept;

  /// A helper: gets a place at the entrance, if there is one, and a worker's permit, and becomes a runner.
  void assist(crew& helpers) noexcept override;

  bool wants_help() const noexcept override;
  std::size_t most_helpers() const noexcept override { return runners_.size() - 1; }

  void give_up() noexcept override { stop(); }

  /// The stop token was requested.
  void cancel() noexcept;

  /// After all runners: the number that the batch came to, of one that adapts.
  std::size_t adapted_to() const { return adaptation_->best(); }

  /// After all runners: throws what the call throws.
  void finish();

  /// From the tasks' side: see batch_control.
  void record_failure(std::size_t index) noexcept;
  std::stop_token token();

 private:
  /// A line of its own for each runner: the neighbours write theirs all the time.
  struct alignas(128) runner {
    claimant claim;
    std::atomic<std::size_t> completed{0};  // by this runner alone; summed by whoever wants to know
    std::atomic<bool> taken{false};         // where runners come and go: hands all of this over from one to the next
  };

  struct failure {
    std::size_t index;
    std::exception_ptr cause;
  };

  enum class verdict { undecided, failed, cancelled, broken };

  /// How a runner ended.
  enum class ending {
    no_task,     // none is left
    not_wanted,  // others go on
  };
  enum class role { leader, helper };

  ending run_with_permit(crew& helpers) noexcept;
  ending run(role who, crew* helpers) noexcept;
  runner& take_place() noexcept;
  void adapt(crew& helpers) noexcept;
  void call_back_helpers(crew& helpers) noexcept;
  void report_progress() noexcept;
  bool decide(verdict decision, verdict before = verdict::undecided) noexcept;
  void break_off(std::exception_ptr cause) noexcept;
  void stop() noexcept;
  std::size_t completed() const;
  std::vector<task_error> task_errors();

  const batch_request& request_;
  const frame frame_;
  const bool promised_;
  gate* const entrance_;
  presence& caller_;
  gate::session session_;  // guarded by the gate

  progress progress_;
  claims claims_;
  std::atomic<std::size_t> next_runner_{0};
  std::atomic<std::size_t> sent_home_{0};   // helpers that got no permit, to be called again
  std::array<runner, 4> few_runners_;       // a small batch allocates nothing
  std::unique_ptr<runner[]> many_runners_;  // where there are more
  const std::span<runner> runners_;
  std::optional<adaptation> adaptation_;

  std::atomic<verdict> verdict_{verdict::undecided};
  std::exception_ptr cause_;  // of `failed` and `broken`; written by who decided so
  std::size_t failed_index_ = 0;

  std::mutex mutex_;  // guards what follows: both are off the way of a batch in which all goes well
  std::vector<failure> failures_;
  std::optional<std::stop_source> stop_source_;
};

}  // namespace fanout::detail
