#pragma once

#ifndef __cpp_exceptions
#error "fanout reports failures as exceptions: compile without -fno-exceptions."
#include "fanout/requires_exceptions"  // does not exist: a missing file ends the compilation, unlike #error
#endif

// Marks the symbols that a shared build of fanout exports. All others are hidden (CMake sets -fvisibility=hidden).
#if defined(__GNUC__)
#define FANOUT_EXPORT __attribute__((visibility("default")))
#else
#define FANOUT_EXPORT
#endif
