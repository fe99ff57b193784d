# A shared fanout exports its own names and nothing else that could clash. Weak and unique symbols (W, V, u) of the
# standard library's templates are allowed, because the process must have one of each. If the library had its own pool of
# waiters for std::atomic::wait, notifications from outside would be lost.

cmake_policy(VERSION 3.22)
set(made_by_the_compiler
  "(vtable|VTT|construction vtable|typeinfo|typeinfo name|guard variable) for |(non-)?virtual thunk to ")
set(of_fanout "^(${made_by_the_compiler})?fanout::")
set(vague_of_std "std::.* [WVu] [0-9a-f]")

execute_process(
  COMMAND "${NM}" --dynamic --demangle --defined-only --format=posix "${LIBRARY}"
  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY
)
string(REGEX REPLACE "[][;]" "_" symbols "${symbols}") # characters with a meaning in CMake's lists
string(STRIP "${symbols}" symbols)
string(REPLACE "\n" ";" symbols "${symbols}")

set(count 0)
set(strangers "")
foreach(symbol IN LISTS symbols)
  if(symbol MATCHES "tbb::" OR NOT symbol MATCHES "${of_fanout}|${vague_of_std}")
    string(APPEND strangers "  ${symbol}\n")
  elseif(symbol MATCHES "${of_fanout}")
    math(EXPR count "${count} + 1")
  endif()
endforeach()

if(strangers)
  message(FATAL_ERROR "${LIBRARY} exports what is not fanout's:\n${strangers}")
elseif(count EQUAL 0)
  message(FATAL_ERROR "${LIBRARY} exports nothing")
endif()
message(STATUS "${count} names of fanout are exported")
