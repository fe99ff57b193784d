#pragma once

#include <atomic>

namespace fanout::detail {

/// On which core a thread spins. A thread that is to give it work without waking it asks whether that is its own
/// core: then the other does not see the work before this one blocks or is moved, however many cores are idle. So it
/// happens to a thread that is woken, while no core is idle, by one that spins from then on: the system prefers it to the
/// latter, and does not move threads that it has only just stopped.
///
/// A hint: the spinner may have been moved since.
template <class Primitives>
class basic_spinning_place {
 public:
  /// A thread that spins, for as long as the object lives.
  class spinner {
   public:
    explicit spinner(basic_spinning_place& at) noexcept : at_(at) {}
    spinner(const spinner&) = delete;
    spinner& operator=(const spinner&) = delete;
    ~spinner() { at_.core_.store(nowhere, std::memory_order_relaxed); }

    /// To be called all the time. Leaves memory alone that others use, unless the thread has been moved.
    void look() noexcept {
      const int now = Primitives::has_several_cores() ? Primitives::core() : nowhere;
      if (now != last_) at_.core_.store(last_ = now, std::memory_order_relaxed);
    }

   private:
    basic_spinning_place& at_;
    int last_ = nowhere;
  };

  /// Whether the calling thread has the core of the one that spins.
  bool is_taken_by_caller() const noexcept {
    const int core = core_.load(std::memory_order_relaxed);
    return core != nowhere && core == Primitives::core();
  }

 private:
  static constexpr int nowhere = -1;  // also what the system says if it does not know

  typename Primitives::template atomic<int> core_{nowhere};
};

}  // namespace fanout::detail
