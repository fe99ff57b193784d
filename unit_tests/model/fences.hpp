#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <source_location>

#include "model/atomics.hpp"
#include "model/relacy.hpp"
#include "model/sleep_sets.hpp"

namespace model {

/// A sequentially consistent fence.
inline void fence(const std::source_location& where) {
  if (makes_mistake(mistake::operation::fence, mistake::kind::left_out, where)) return;
  static constexpr char all_fences = 0;
  announce({step::kind::write, &all_fences});
  rl::atomic_thread_fence(rl::mo_seq_cst, info_of(where));
}

inline void yield() {
  announce({});
  rl::ctx().yield(1, RL_INFO);
}

/// The fences of `fanout::detail::chunk_primitives`, of which one side is light, as `membarrier` promises them: while a
/// thread is in the call, every other thread of the process executes a full fence, each at a moment of its own. A light
/// fence only keeps the compiler from moving anything across it, so that this moment is before or after it.
///
/// Two light fences are not ordered, nor are those of two owners by one heavy fence between them: two fences that are
/// sequentially consistent would be, which is more than the system gives. A light fence is no acquire or release fence.
class asymmetric_fence {
 public:
  static void light(const std::source_location& where) {
    const std::size_t me = index();
    announce({step::kind::write, &moments_[me]});
    rl::ctx().sched();
    tell("light fence", where);
    with_this_thread([&](auto& thread) {
      join(thread.acq_rel_order_, moments_[me].brought);
      join(moments_[me].left, thread.acq_rel_order_);
    });
  }

  static void heavy(const std::source_location& where) {
    moment before{};
    with_this_thread([&](auto& thread) { join(thread.acq_rel_order_, thread.acquire_fence_order_); });
    light(where);
    with_this_thread([&](auto& thread) { join(before.brought, thread.acq_rel_order_); });
    const auto threads = static_cast<std::size_t>(rl::ctx().get_thread_count());
    for (std::size_t each = 0; each != threads; ++each) {
      if (each == index()) continue;
      announce({step::kind::write, &moments_[each]});
      rl::ctx().sched();
      tell("heavy fence, as another thread executes it", where);
      join(moments_[each].brought, before.brought);
      join(before.left, moments_[each].left);
    }
    with_this_thread([&](auto& thread) {
      join(thread.acq_rel_order_, before.left);
      join(thread.release_fence_order_, thread.acq_rel_order_);
    });
  }

  static void begin_execution() { moments_ = {}; }

 private:
  /// Up to which of its steps each thread is known.
  using knowledge = std::array<rl::timestamp_t, 8>;

  struct moment {
    knowledge brought;  // by heavy fences, for the next light fence of this thread
    knowledge left;     // by its light fences, for the next heavy one of another thread
  };

  template <class To, class From>
  static void join(To& to, const From& from) {
    for (std::size_t each = 0; each != std::min(std::size(to), std::size(from)); ++each)
      to[each] = std::max(to[each], from[each]);
  }

  template <class Use, rl::thread_id_t threads = 1>
  static void with_this_thread(const Use& use) {
    if (rl::ctx().get_thread_count() == threads)
      return use(static_cast<rl::thread_info<threads>&>(*rl::ctx().threadx_));
    if constexpr (threads != 8) with_this_thread<Use, threads + 1>(use);
  }

  static std::size_t index() { return static_cast<std::size_t>(rl::thread_index()); }

  static void tell(const char* what, const std::source_location& where) {
    if (rl::ctx().collecting_history()) rl::ctx().exec_log_msg(info_of(where), what);
  }

  static inline std::array<moment, 8> moments_{};
};

}  // namespace model
