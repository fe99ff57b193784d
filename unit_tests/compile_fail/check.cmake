# Compiles one case. Its line `// expect: <regular expression>` is what the compiler must say while it refuses the
# file; `// expect: success` marks the control, which shows that the cases fail for the reason they name.

cmake_policy(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/../expectation.cmake")
expectation_of("${CASE}" expectation)

execute_process(
  COMMAND "${CXX}" ${FLAGS} -fsyntax-only "${CASE}"
  RESULT_VARIABLE exit_code OUTPUT_VARIABLE output ERROR_VARIABLE output
)

if(expectation STREQUAL "success")
  if(NOT exit_code EQUAL 0)
    message(FATAL_ERROR "${CASE} must compile:\n${output}")
  endif()
elseif(exit_code EQUAL 0)
  message(FATAL_ERROR "${CASE} compiles, but must be refused with: ${expectation}")
elseif(NOT output MATCHES "${expectation}")
  message(FATAL_ERROR "${CASE} is refused without the words: ${expectation}\nThe compiler said:\n${output}")
endif()
