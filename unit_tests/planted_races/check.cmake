# Runs one program. With the race it must end with the exit code of ThreadSanitizer, and its report must be what the line
# `// expect: <regular expression>` of the source says; with order it must end well and say nothing.

cmake_policy(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/../expectation.cmake")
execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE exit_code OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(exit_code EQUAL 0 AND output MATCHES "^skipped: ")
  message(STATUS "${output}")
  return()
endif()

if(KIND STREQUAL "order")
  if(NOT exit_code EQUAL 0 OR NOT output STREQUAL "")
    message(FATAL_ERROR "${PROGRAM} has no race, but ended with ${exit_code} and said:\n${output}")
  endif()
  return()
endif()

expectation_of("${SOURCE}" expectation)
if(NOT exit_code EQUAL 66)
  message(FATAL_ERROR "the race of ${PROGRAM} is not reported: it ended with ${exit_code} and said:\n${output}")
elseif(NOT output MATCHES "${expectation}")
  message(FATAL_ERROR "the report of ${PROGRAM} is not that of the planted race, ${expectation}:\n${output}")
endif()
