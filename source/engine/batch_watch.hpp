#pragma once

#include <mutex>
#include <utility>

#include "fanout/batch_progress.hpp"

namespace fanout::detail {

/// Looks at a batch that another thread runs. It lives longer than the batch, and its address identifies the batch
/// for threads that wait for it: see `batch_scope::awaited_as`.
class batch_watch {
 public:
  batch_watch() = default;
  batch_watch(const batch_watch&) = delete;
  batch_watch& operator=(const batch_watch&) = delete;

  /// What was counted so far; `total` is left to the caller. Each number only grows.
  batch_progress look() const;

  // Called by the leader of the batch, which has the slot if there is one:

  template <class Batch>
  void begin(const Batch& running) {
    look_at(&running, [](const void* it) { return static_cast<const Batch*>(it)->counts(); });
  }
  void end();

  /// Tells that a slot of the executor has been obtained for the batch before it begins.
  void give_slot() { has_slot_ = true; }
  bool take_slot() { return std::exchange(has_slot_, false); }

  /// Tells that the leader does not give back its slot before it has started the last task, even if the limit of the
  /// executor is lowered: it holds a thread that others might need.
  void let_leader_keep_slot() { leader_keeps_slot_ = true; }
  bool leader_keeps_slot() const { return leader_keeps_slot_; }

 private:
  using count = batch_progress (*)(const void* batch);

  void look_at(const void* running, count counts);
  void update() const;

  mutable std::mutex mutex_;
  const void* running_ = nullptr;
  count counts_ = nullptr;  // of the running batch
  mutable batch_progress seen_;
  // Used by the leader only:
  bool has_slot_ = false;
  bool leader_keeps_slot_ = false;
};

}  // namespace fanout::detail
