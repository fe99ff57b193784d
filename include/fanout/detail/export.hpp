#pragma once

// Marks what a shared build of fanout exports; everything else is hidden (CMake sets -fvisibility=hidden).
#if defined(__GNUC__)
#define FANOUT_EXPORT __attribute__((visibility("default")))
#else
#define FANOUT_EXPORT
#endif
