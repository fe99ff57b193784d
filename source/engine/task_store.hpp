#pragma once

#include <atomic>
#include <array>
#include <cstddef>
#include <mutex>
#include <utility>

namespace fanout::detail {

/// Memory for small tasks, which is used again.
///
/// It comes in blocks of several places. Threads that add have *purses* with a block each, whose places they use one
/// after the other; so they meet only when they need another block. Who ends a task counts that for the block, and
/// when the tasks of all places have ended, it is spare.
///
/// `Block` has `places`, a number; `purses`, how many a store has; `make(i)`, which makes a task in place `i`;
/// `of(task)`, the task's block; `left`, an atomic number; and `next`.
template <class Primitives, class Task, class Block>
class basic_task_store {
 public:
  basic_task_store() = default;
  basic_task_store(const basic_task_store&) = delete;
  basic_task_store& operator=(const basic_task_store&) = delete;
  /// Requires that all tasks have ended.
  ~basic_task_store() {
    for (purse& each : purses_) delete each.block;
    free_all(spare_);
  }

  /// A task in memory of the store. `favourite`: a number of the calling thread, which it has for this only.
  Task& make(unsigned& favourite) {
    purse& mine = lock_purse(favourite);
    const unlocks_at_end unlocks{mine};
    if (mine.block == nullptr) mine.block = &another_block();
    Block& from = *mine.block;
    Task& made = from.make(mine.used);
    if (++mine.used == Block::places) {
      mine.used = 0;
      mine.block = nullptr;  // belongs to its tasks
    }
    return made;
  }

  /// Counts tasks that end, so that those of one block that end one after the other are counted at once.
  class ended_tasks {
   public:
    explicit ended_tasks(basic_task_store& store) : store_(store) {}
    ended_tasks(const ended_tasks&) = delete;
    ended_tasks& operator=(const ended_tasks&) = delete;
    ~ended_tasks() { count(); }

    void add(Task& ended) {
      Block& its = Block::of(ended);
      if (&its != block_) count();
      block_ = &its;
      ++ended_;
    }
    void count() {
      if (block_ != nullptr) store_.end(*block_, std::exchange(ended_, 0));
      block_ = nullptr;
    }

   private:
    basic_task_store& store_;
    Block* block_ = nullptr;
    unsigned ended_ = 0;
  };

  /// Frees the spare blocks if there are more than `most`, and those in purses.
  void give_back(std::size_t most) {
    {
      const std::unique_lock lock = Primitives::lock(mutex_);
      if (spares_ <= most) return;
    }
    for (purse& each : purses_) empty(each);
    Block* given = nullptr;
    {
      const std::unique_lock lock = Primitives::lock(mutex_);
      spares_ = 0;
      given = std::exchange(spare_, nullptr);
    }
    free_all(given);
  }

 private:
  /// On cache lines of its own. `locked` is a lock: who has exchanged it for true, from false, has the purse until it
  /// stores false.
  struct alignas(128) purse {
    typename Primitives::template atomic<bool> locked{false};
    unsigned used = 0;  // the places of the block
    Block* block = nullptr;
  };

  struct unlocks_at_end {
    purse& which;
    ~unlocks_at_end() { which.locked.store(false, std::memory_order_release); }
  };

  purse& lock_purse(unsigned& favourite) {
    for (std::size_t failures = 0;;) {
      purse& each = purses_[favourite % purses_.size()];
      if (!each.locked.exchange(true, std::memory_order_acquire)) return each;
      ++favourite;  // another thread uses it, and perhaps all the time
      if (++failures % purses_.size() == 0) Primitives::relax();
    }
  }

  /// Unless a thread uses it at the moment. A single block that stays can keep malloc from giving back all below it.
  void empty(purse& which) {
    if (which.locked.exchange(true, std::memory_order_acquire)) return;
    const unlocks_at_end unlocks{which};
    Block* const block = std::exchange(which.block, nullptr);
    const unsigned used = std::exchange(which.used, 0);
    if (block != nullptr) end(*block, Block::places - used);
  }

  Block& another_block() {
    Block* block = nullptr;
    {
      const std::unique_lock lock = Primitives::lock(mutex_);
      if (spare_ != nullptr) {
        block = std::exchange(spare_, spare_->next);
        --spares_;
      }
    }
    if (block == nullptr) block = new Block;
    block->left.store(Block::places, std::memory_order_relaxed);
    return *block;
  }

  // Acquire and release: what uses the memory again comes after all that have used it.
  void end(Block& of, unsigned ended) {
    if (of.left.fetch_sub(ended, std::memory_order_acq_rel) != ended) return;
    const std::unique_lock lock = Primitives::lock(mutex_);
    of.next = std::exchange(spare_, &of);
    ++spares_;
  }

  static void free_all(Block* blocks) {
    while (blocks != nullptr) delete std::exchange(blocks, blocks->next);
  }

  std::array<purse, Block::purses> purses_;

  alignas(128) typename Primitives::mutex mutex_;  // guards what follows
  Block* spare_ = nullptr;
  std::size_t spares_ = 0;
};

}  // namespace fanout::detail
