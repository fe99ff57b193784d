#pragma once

// Relacy without the macros by which it takes over keywords and names of the standard library: the code under test gets
// its primitives as template arguments. It replaces operator new.

#include <gtest/gtest.h>  // first: Relacy takes over names that headers of the system declare
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
