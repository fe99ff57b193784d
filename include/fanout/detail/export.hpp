#pragma once

#if defined(_MSVC_LANG) ? _MSVC_LANG < 202002L : __cplusplus < 202002L
#error "fanout needs C++20: compile with -std=c++20 or later."
#include "fanout/requires_cxx20"  // does not exist: a missing file ends the compilation, unlike #error
#endif

#ifndef __cpp_exceptions
#error "fanout reports failures as exceptions: compile without -fno-exceptions."
#include "fanout/requires_exceptions"  // does not exist, as above
#endif

// Marks the symbols that a shared build of fanout exports. All others are hidden (CMake sets -fvisibility=hidden).
#if defined(__GNUC__)
#define FANOUT_EXPORT __attribute__((visibility("default")))
#else
#define FANOUT_EXPORT
#endif

#ifdef _GLIBCXX_DEBUG
// The containers of libstdc++ have another layout then, and fanout's functions return some. So such a program needs a
// library that is compiled in the same way: with any other, this name is missing at link time.
namespace fanout::detail {
FANOUT_EXPORT extern const bool library_is_compiled_with_GLIBCXX_DEBUG;
[[gnu::used]] static const bool* const needs_such_a_library = &library_is_compiled_with_GLIBCXX_DEBUG;
}  // namespace fanout::detail
#endif
