# Compiles every header below include/ as a program's only include. Twice, so that a missing guard shows, too.

cmake_policy(VERSION 3.22)
file(GLOB_RECURSE headers RELATIVE "${INCLUDE_DIR}" "${INCLUDE_DIR}/*.hpp")
if(NOT headers)
  message(FATAL_ERROR "no headers below ${INCLUDE_DIR}")
endif()
foreach(host IN LISTS SKIPPED_ADAPTERS)
  list(REMOVE_ITEM headers fanout/adapters/${host}.hpp)
endforeach()
list(APPEND TBB_INCLUDE_DIRS ${HOST_INCLUDE_DIRS})
list(TRANSFORM TBB_INCLUDE_DIRS PREPEND "-idirafter") # -isystem breaks where it names the system's own directory

set(failures "")
foreach(header IN LISTS headers)
  set(program "${WORK_DIR}/${header}.cpp")
  file(WRITE "${program}" "#include <${header}>\n#include <${header}>\n")
  execute_process(
    COMMAND "${CXX}" ${FLAGS} ${TBB_INCLUDE_DIRS} -fsyntax-only "${program}"
    RESULT_VARIABLE exit_code OUTPUT_VARIABLE output ERROR_VARIABLE output
  )
  if(NOT exit_code EQUAL 0)
    string(APPEND failures "\n<${header}> does not compile alone:\n${output}")
  endif()
endforeach()
if(failures)
  message(FATAL_ERROR "${failures}")
endif()
