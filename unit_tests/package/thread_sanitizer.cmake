# Compiles a user's program for ThreadSanitizer with CXX, against an installed fanout that is not, as docs/sanitizers.md
# says. The tool must report nothing of it, and must find the races that the program has if it is asked for them.

cmake_policy(VERSION 3.22)
if(NOT CXX)
  message("skipped: the compiler is missing")
  return()
endif()
set(ENV{PKG_CONFIG_PATH} "${PREFIX}/${LIBDIR}/pkgconfig")
execute_process(
  COMMAND "${PKG_CONFIG}" --cflags --libs fanout
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY
)
separate_arguments(flags UNIX_COMMAND "${flags}")
execute_process(
  COMMAND "${PKG_CONFIG}" --variable=tsan_suppressions fanout
  OUTPUT_VARIABLE suppressions OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY
)
if(NOT EXISTS "${suppressions}")
  message(FATAL_ERROR "pkg-config names '${suppressions}', which does not exist")
endif()

file(MAKE_DIRECTORY "${WORK_DIR}")
set(program "${WORK_DIR}/program")
execute_process(
  COMMAND "${CXX}" -std=c++20 -g -O1 -fsanitize=thread "${SOURCE}" -o "${program}" ${flags}
  COMMAND_ERROR_IS_FATAL ANY
)
set(ENV{LD_LIBRARY_PATH} "${PREFIX}/${LIBDIR}:$ENV{LD_LIBRARY_PATH}")
set(ENV{TSAN_OPTIONS} "halt_on_error=1:suppressions=${suppressions}")
execute_process(COMMAND "${program}" RESULT_VARIABLE exit_code OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT exit_code EQUAL 0 OR NOT output STREQUAL "")
  message(FATAL_ERROR "the program has no race, but ended with ${exit_code} and said:\n${output}")
endif()
foreach(race IN ITEMS race race_of_the_submitter)
  execute_process(COMMAND "${program}" ${race} RESULT_VARIABLE exit_code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT exit_code EQUAL 66 OR NOT output MATCHES "data race.*write_of_a_task.*write_of_a_task")
    message(FATAL_ERROR "the ${race} is not reported: the program ended with ${exit_code} and said:\n${output}")
  endif()
endforeach()
