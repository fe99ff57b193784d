#pragma once

// Marks the symbols that a shared build of fanout exports. All others are hidden (CMake sets -fvisibility=hidden).
#if defined(__GNUC__)
#define FANOUT_EXPORT __attribute__((visibility("default")))
#else
#define FANOUT_EXPORT
#endif
