#pragma once

#include <cstddef>
#include <new>

namespace fanout::detail {

/// The room for a static object that is never destroyed, because it may be used until the process has ended. It is not
/// allocated: its creation cannot fail, and the ThreadSanitizer of a program would see the allocation, but not the guard
/// of the static variable if the library is not compiled for it.
///
///     static never_destroyed<cache> only;
///     return *only;
template <class T>
class never_destroyed {
 public:
  never_destroyed() { new (room_) T; }
  never_destroyed(const never_destroyed&) = delete;
  never_destroyed& operator=(const never_destroyed&) = delete;

  T& operator*() noexcept { return *std::launder(reinterpret_cast<T*>(room_)); }

 private:
  alignas(T) std::byte room_[sizeof(T)];
};

}  // namespace fanout::detail
