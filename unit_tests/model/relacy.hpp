#pragma once

// Includes Relacy without its macros, which replace keywords and names of the standard library. They are not needed,
// because the code under test takes its primitives as template arguments. Include this in only one translation unit
// of a program: Relacy replaces operator new.

#include <relacy/relacy.hpp>

#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
