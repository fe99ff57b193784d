# A folder of source/ includes itself and what is below it: docs/architecture.md has the order.

cmake_policy(VERSION 3.22)
set(engine_may engine admission executor threads machine base)
set(admission_may admission executor threads machine base)
set(pool_may pool executor threads machine base)
set(executor_may executor threads machine base)
set(threads_may threads machine base)
set(machine_may machine base)
set(base_may base)
set(tuning_may tuning) # a library of its own, which uses the other as any program does

# The include of `included` in `file`, both below source/, or the words that refuse it.
function(check file included result)
  string(REGEX REPLACE "/.*" "" from "${file}")
  string(REGEX REPLACE "/.*" "" to "${included}")
  set(${result} "" PARENT_SCOPE)
  if(NOT DEFINED ${from}_may)
    set(${result} "source/${file} is in a folder that has no place in the order\n" PARENT_SCOPE)
  elseif(NOT to STREQUAL "fanout" AND NOT to IN_LIST ${from}_may)
    set(${result} "source/${file} includes \"${included}\"\n" PARENT_SCOPE)
  endif()
endfunction()

set(complaints "")
file(GLOB_RECURSE files RELATIVE "${SOURCE_DIR}" "${SOURCE_DIR}/*.cpp" "${SOURCE_DIR}/*.hpp")
list(LENGTH files count)
if(count LESS 20)
  message(FATAL_ERROR "only ${count} files were found in ${SOURCE_DIR}: this test proves nothing")
endif()
foreach(file IN LISTS files)
  file(STRINGS "${SOURCE_DIR}/${file}" includes REGEX "^#include \"")
  foreach(line IN LISTS includes)
    string(REGEX REPLACE "^#include \"([^\"]+)\".*" "\\1" included "${line}")
    check("${file}" "${included}" complaint)
    string(APPEND complaints "${complaint}")
  endforeach()
endforeach()
if(complaints)
  message(FATAL_ERROR "Arrows point down only:\n${complaints}")
endif()

# It can fail.
foreach(wrong IN ITEMS
    "threads/arena.cpp;engine/batch.hpp" "engine/batch.cpp;pool/pool_line.hpp" "admission/gate.hpp;engine/batch.hpp"
    "new/file.cpp;base/a.hpp")
  check(${wrong} complaint)
  if(NOT complaint)
    message(FATAL_ERROR "an arrow that points up was not found: this test proves nothing")
  endif()
endforeach()
