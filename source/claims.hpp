#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "primitives.hpp"

/// Which runner runs which tasks, and when.
///
/// One **cursor** hands out the tasks in input order. A runner takes a **block** of them at a time, and of its
/// block a **bite** at a time; what is left of the block stays open, so that a runner that finds the cursor at the
/// end takes half of it. Only the tasks of a bite are bound to their runner: 16 at most, up to 64 where the last ones
/// took less than 6 ns each, and fewer near the end.
///
/// The size of a block follows the time that the runner's last tasks took. Tasks cheaper than a microsecond come in
/// blocks of 16 µs times the number of runners, so that the runners meet at the cursor as rarely on 200 cores as on 2.
/// Dearer ones come in blocks of 16 µs (on more than 32 runners of half a microsecond a runner), which is one from there
/// on, and each is a bite of its own, so that nothing waits behind it. (As blocks of their own, tasks of 2 µs cost 5 %
/// more than in `tbb::parallel_for`: each taking brings the cursor's line from another core, 140 ns on the virtual machine
/// that measured it.)
namespace fanout::detail {

/// The tasks first … last, which nobody else will run.
struct bite {
  std::size_t first = 0;
  std::size_t last = 0;
  bool empty() const { return first == last; }
  std::size_t size() const { return last - first; }
};

/// The open rest of a runner's block: its owner takes bites from the front, others take half from the back.
///
/// It is one word, so that each taking is one compare-and-swap: where it begins in 40 bits, how many tasks in 24.
/// A task is in one open rest at most, and once it was taken from the front it never comes back; so a word that is
/// not empty never occurs twice in a batch, and a compare-and-swap that succeeds took what it saw (no ABA).
///
/// A rest carries no data but itself: what tasks read was written before the runners were forked. Who reads a word
/// acquires, though, and who writes one releases: who finds nothing left must also see where it has gone.
template <class Primitives>
class basic_open_rest {
 public:
  static constexpr std::size_t max_tasks = std::size_t{1} << 40;
  static constexpr std::size_t max_block = (std::size_t{1} << 24) - 2;

  /// The owner has claimed a block, or is about to, and will open its rest in a moment. Without the sign a runner
  /// that looks just then would find nothing to take, and leave for good.
  void announce() { word_.store(coming, std::memory_order_release); }

  /// Opens a rest; the owner's alone, while nothing is open.
  void open(bite rest) { word_.store(pack(rest), std::memory_order_release); }

  /// Takes a bite from the front, of at most `largest_at(where it begins)` tasks; the owner's alone. Empty if nothing
  /// is left.
  template <class LargestAt>
  bite take_front(LargestAt largest_at) {
    std::uint64_t seen = word_.load(std::memory_order_acquire);
    while (length(seen) != 0) {
      const std::size_t largest = largest_at(begin(seen));
      const std::size_t taken = length(seen) < largest ? length(seen) : largest;
      const bite mine{begin(seen), begin(seen) + taken};
      if (word_.compare_exchange_weak(seen, pack({mine.last, begin(seen) + length(seen)}), std::memory_order_acq_rel))
        return mine;
    }
    return {};
  }

  enum class view { empty, coming, open };
  view look() const {
    const std::uint64_t seen = word_.load(std::memory_order_acquire);
    if (seen == coming) return view::coming;
    return length(seen) == 0 ? view::empty : view::open;
  }

  /// Takes the later half, rounded up; anybody's. Empty if nothing is open.
  bite take_back() {
    std::uint64_t seen = word_.load(std::memory_order_acquire);
    while (seen != coming && length(seen) != 0) {
      const std::size_t end = begin(seen) + length(seen);
      const std::size_t middle = begin(seen) + length(seen) / 2;
      if (word_.compare_exchange_weak(seen, pack({begin(seen), middle}), std::memory_order_acq_rel))
        return {middle, end};
    }
    return {};
  }

 private:
  static constexpr unsigned length_bits = 24;
  static constexpr std::uint64_t length_mask = (std::uint64_t{1} << length_bits) - 1;
  static constexpr std::uint64_t coming = ~std::uint64_t{0};  // a length that max_block keeps free

  static std::uint64_t pack(bite rest) { return (std::uint64_t{rest.first} << length_bits) | rest.size(); }
  static std::size_t begin(std::uint64_t word) { return word >> length_bits; }
  static std::size_t length(std::uint64_t word) { return word & length_mask; }

  typename Primitives::template atomic<std::uint64_t> word_{0};
};

/// How fast a runner gets on, and how much it takes at a time therefore.
struct runner_pace {
  /// `taken` tasks have ended by now. Reckons how much to take from now on, with so many runners and such bites.
  void measure(std::chrono::steady_clock::time_point now, std::size_t runners, std::size_t largest_bite);

  std::chrono::steady_clock::time_point since{};  // of the tasks that are being measured
  std::size_t taken = 0;                          // how many they are so far
  std::size_t wanted = 1;                         // tasks in the next block, by the last measurement, …
  std::size_t least = 1;                          // … in one near the end of the batch, …
  std::size_t bound = 1;                          // … and in the next bite
};

/// What one runner knows. The open rest may be changed by all; its pace is the owner's alone.
template <class Primitives>
struct basic_claimant {
  basic_open_rest<Primitives> rest;
  runner_pace pace;
};

/// The tasks 0 … size of a batch, shared by some runners.
template <class Primitives>
class basic_claims {
 public:
  using open_rest = basic_open_rest<Primitives>;
  using claimant = basic_claimant<Primitives>;

  /// How much a runner binds to itself at once where nothing asks for less: the least if tasks are cheap, and the most.
  static constexpr std::size_t usual_bite = 16;
  static constexpr std::size_t largest_usual_bite = 64;

  /// Requires `size <= open_rest::max_tasks`, at least one runner, and claimants that outlive the claims.
  basic_claims(std::size_t size, std::size_t runners, std::size_t largest_bite)
      : size_(size),
        runners_(runners),
        largest_bite_(largest_bite),
        end_begins_(runners == 1 ? size : size - std::min(size, 2 * runners * largest_bite)) {}

  /// The next tasks for `me`, one of `all`; called again when they have ended. Empty when every task has been
  /// taken, for good.
  ///
  /// Costs some 6 ns; at the end of a block 20 ns more for the clock, if another one follows, and the way of the
  /// cursor's line between the cores, 100 ns or more.
  template <class Runners>
  bite next(claimant& me, Runners& all) {
    bite mine = me.rest.take_front([&](std::size_t first) { return largest_bite(me, first); });
    if (mine.empty()) {
      mine = claim_block(me);
      if (mine.empty()) mine = take_from_others(me, all);
    }
    me.pace.taken += mine.size();
    return mine;
  }

  /// Whether no task is left to take, for good. What a thief has in its hands just then is left: see take_from_others.
  template <class Runners>
  bool all_taken(const Runners& all) const {
    if (cursor_.load(std::memory_order_acquire) < size_) return false;
    const std::size_t thefts = thefts_.load(std::memory_order_acquire);
    const auto has_nothing = [](const auto& runner) { return runner.claim.rest.look() == open_rest::view::empty; };
    return std::all_of(all.begin(), all.end(), has_nothing) && thefts_.load(std::memory_order_acquire) == thefts;
  }

 private:
  /// Bites shrink at the end of the batch, down to single tasks: should the last ones take long, after many that were
  /// cheap, then each is there for the next runner that has nothing to do.
  std::size_t largest_bite(const claimant& me, std::size_t first) const {
    if (first < end_begins_) return me.pace.bound;
    return std::clamp<std::size_t>((size_ - first) / (2 * runners_), 1, me.pace.bound);
  }

  void measure(claimant& me) const;
  bite claim_block(claimant& me);
  bite begin_block(claimant& me, bite block) const;

  /// Looks around until something can be taken or nothing will ever be. One look sees each runner at another moment:
  /// tasks that a thief takes from one not looked at yet to one already looked at are in neither. So each theft is
  /// counted before it is done, and who saw nothing looks again if there was one meanwhile.
  template <class Runners>
  bite take_from_others(claimant& me, Runners& all) {
    for (bool look_again = true; look_again;) {
      look_again = false;
      const std::size_t thefts = thefts_.load(std::memory_order_acquire);
      for (auto& runner : all) {
        claimant& other = runner.claim;
        if (&other == &me) continue;
        const auto seen = other.rest.look();
        if (seen == open_rest::view::empty) continue;
        if (seen == open_rest::view::open) {
          if (me.pace.taken != 0) measure(me);
          me.rest.announce();
          thefts_.fetch_add(1, std::memory_order_acq_rel);
          const bite taken = other.rest.take_back();
          if (!taken.empty()) return begin_block(me, taken);
          me.rest.open({});
        }
        look_again = true;
      }
      if (thefts_.load(std::memory_order_acquire) != thefts) look_again = true;
      if (look_again) Primitives::yield();
    }
    return {};
  }

  const std::size_t size_;
  const std::size_t runners_;
  const std::size_t largest_bite_;
  const std::size_t end_begins_;
  alignas(128)
      typename Primitives::template atomic<std::size_t> cursor_{0};  // all runners write it: a line of its own
  alignas(128) typename Primitives::template atomic<std::size_t> thefts_{0};
};

template <class Primitives>
void basic_claims<Primitives>::measure(claimant& me) const {
  me.pace.measure(Primitives::now(), runners_, largest_bite_);
}

template <class Primitives>
bite basic_claims<Primitives>::claim_block(claimant& me) {
  // Acquire: who sees the cursor at the end sees the announcement of every claim that brought it there.
  const std::size_t seen = cursor_.load(std::memory_order_acquire);
  if (seen >= size_) return {};
  // The last blocks are single tasks or what was reckoned before: no measurement would change them.
  if (me.pace.taken != 0 && size_ - seen > runners_) measure(me);
  const std::size_t share = (size_ - seen) / (2 * runners_);
  const std::size_t block = std::clamp(share, me.pace.least, me.pace.wanted);
  if (block > 1) me.rest.announce();
  const std::size_t first = cursor_.fetch_add(block, std::memory_order_acq_rel);
  if (first >= size_) {
    me.rest.open({});
    return {};
  }
  return begin_block(me, {first, std::min(first + block, size_)});
}

template <class Primitives>
bite basic_claims<Primitives>::begin_block(claimant& me, bite block) const {
  const std::size_t taken = std::min(block.size(), largest_bite(me, block.first));
  me.rest.open({block.first + taken, block.last});
  return {block.first, block.first + taken};
}

extern template class basic_claims<std_primitives>;  // off the fast way, so compiled once

using open_rest = basic_open_rest<std_primitives>;
using claimant = basic_claimant<std_primitives>;
using claims = basic_claims<std_primitives>;

}  // namespace fanout::detail
