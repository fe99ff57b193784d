# What a user's compiler says of fanout: it compiles as C++20 without a warning, without RTTI as well, and with
# -fno-exceptions one sentence of the preprocessor says that this is not supported.

cmake_policy(VERSION 3.22)
list(TRANSFORM TBB_INCLUDE_DIRS PREPEND "-idirafter") # -isystem breaks where it names the system's own directory
set(compile "${CXX}" -std=c++20 "-I${INCLUDE_DIR}" ${TBB_INCLUDE_DIRS} -fsyntax-only)

list(APPEND WARNINGS -Werror -Wall -Wextra)
execute_process(COMMAND ${compile} ${WARNINGS} "${CMAKE_CURRENT_LIST_DIR}/face_lint.cpp" COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND ${compile} ${WARNINGS} -fno-rtti "${CMAKE_CURRENT_LIST_DIR}/user_program.cpp" COMMAND_ERROR_IS_FATAL ANY
)

file(GLOB headers RELATIVE "${INCLUDE_DIR}" "${INCLUDE_DIR}/fanout/*.hpp")
set(refused 0)
foreach(header IN LISTS headers)
  set(program "${WORK_DIR}/${header}.cpp")
  file(WRITE "${program}" "#include <${header}>\n")
  execute_process(
    COMMAND ${compile} -E -fno-exceptions "${program}" RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE output
  )
  if(result EQUAL 0)
    continue() # the header throws nothing
  endif()
  string(REGEX MATCHALL "error: [^\n]*" errors "${output}")
  list(LENGTH errors count)
  # The sentence, and the missing file that ends the compilation.
  if(NOT count EQUAL 2 OR NOT errors MATCHES "^error: [^;]*compile without -fno-exceptions.*requires_exceptions")
    message(FATAL_ERROR "<${header}> with -fno-exceptions must say one sentence, but says:\n${output}")
  endif()
  math(EXPR refused "${refused} + 1")
endforeach()
if(refused LESS 10)
  message(FATAL_ERROR "only ${refused} headers are refused with -fno-exceptions")
endif()
